/** The rest of the original's files without the parts that we replace. Pure. */
import { basename, dirname, matchesGlob, normalize } from 'node:path'
import { checkOfPredecessor } from './monit-files.ts'

/**
 * A file of Monit without the check of the original; a check ends at the next `check`, `set` or `include`.
 * @returns empty where nothing but comments is left
 */
export function withoutCheck(text: string): string {
  const lines = text.split('\n')
  const kept: string[] = []
  let isInCheck = false
  for (const line of lines) {
    if (checkOfPredecessor.test(`${line}\n`)) isInCheck = true
    else if (/^[ \t]*(check|set|include)[ \t]/i.test(line)) isInCheck = false
    if (!isInCheck) kept.push(line)
  }
  return saysSomething(kept) ? `${kept.join('\n').trimEnd()}\n` : ''
}

/** The part of the original's logrotate file that stays. */
export interface RemainingRotation {
  /** Empty where no log is left in it. */
  text: string
  /** Patterns that were replaced by the files that they match today. */
  expanded: string[]
}

/**
 * A file of logrotate without some logs. Where two files name one log, logrotate reports an error and skips the whole
 * second file. Blocks that have no log left are removed.
 * @param logs absolute paths
 * @param list returns the names in a folder (none where it is no folder), to expand patterns that match such a log
 * and others
 */
export function withoutLogs(
  text: string,
  logs: readonly string[],
  list: (folder: string) => string[],
): RemainingRotation {
  const rest: RemainingRotation = { text: '', expanded: [] }
  const out: string[] = []
  let head: string[] = []
  for (const { kind, lines } of splitBlocks(text)) {
    if (kind === 'outside') out.push(...lines)
    else if (kind === 'head') head = lines
    else {
      const { words, expanded } = withoutWords(head, logs, list)
      rest.expanded.push(...expanded)
      if (words.length > 0) out.push(...words, ...lines)
    }
  }
  return { ...rest, text: out.some((line) => /^[\s]*["'/]/.test(line)) ? `${out.join('\n').trimEnd()}\n` : '' }
}

interface Part {
  kind: 'outside' | 'head' | 'body'
  lines: string[]
}

const scripts = /^\s*(postrotate|prerotate|firstaction|lastaction|preremove)\b/

/** Splits a file into paths (up to a brace) and bodies (in braces); a brace inside a script does not count. */
function splitBlocks(text: string): Part[] {
  const parts: Part[] = []
  let head: string[] = []
  let body: string[] | undefined
  let isInScript = false
  for (const line of text.split('\n')) {
    if (body) {
      body.push(line)
      if (scripts.test(line)) isInScript = true
      else if (/^\s*endscript\b/.test(line)) isInScript = false
      else if (!isInScript && /^\s*\}/.test(line)) {
        parts.push({ kind: 'head', lines: head }, { kind: 'body', lines: body })
        head = []
        body = undefined
      }
    } else if (/^\s*["'/{]/.test(line)) {
      const [paths = '', ...after] = line.split('{')
      head.push(paths)
      if (after.length > 0) body = [`{${after.join('{')}`]
    } else parts.push({ kind: 'outside', lines: [line] })
  }
  return parts
}

function withoutWords(head: readonly string[], logs: readonly string[], list: (folder: string) => string[]) {
  const words = head.flatMap((line) =>
    [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? ''),
  )
  const expanded: string[] = []
  const kept = words.flatMap((word) => {
    const path = normalize(word)
    if (logs.includes(path)) return []
    if (!logs.some((log) => matchesGlob(log, path))) return [word]
    expanded.push(word)
    return expandPattern(path, list).filter((one) => !isOneOf(logs, one))
  })
  return { words: [...new Set(kept)].map((word) => `"${word}"`), expanded }
}

/** The files that a pattern matches today; every part of the path may have wildcards. */
function expandPattern(path: string, list: (folder: string) => string[]): string[] {
  if (path === '/') return ['']
  return expandPattern(dirname(path), list).flatMap((folder) =>
    list(folder)
      .filter((name) => matchesGlob(name, basename(path)))
      .map((name) => `${folder}/${name}`),
  )
}

/** Whether a path is one of the logs, or a rotated version of one. */
function isOneOf(logs: readonly string[], path: string): boolean {
  return logs.some((log) => path === log || path.startsWith(`${log}.`) || path.startsWith(`${log}-`))
}

function saysSomething(lines: readonly string[]): boolean {
  return lines.some((line) => line.trim() !== '' && !line.trim().startsWith('#'))
}
