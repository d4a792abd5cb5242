/** What stays of the original's files when its own part is taken out: pure. */
import { basename, dirname, matchesGlob, normalize } from 'node:path'
import { checkOfPredecessor } from './monit-files.ts'

/**
 * A file of Monit without the check of the original, which goes on until the next statement of its kind.
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

/** What logrotate goes on doing by the original's file. */
export interface RotationRest {
  /** Empty where it would do nothing. */
  text: string
  /** Patterns that were replaced by the files that they match today. */
  expanded: string[]
}

/**
 * A file of logrotate without some logs: a log that two files name is an error of logrotate, and the whole
 * second file is passed by. Blocks without a log go.
 * @param logs absolute paths
 * @param list the names in a folder, none for what is no folder; for patterns that match such a log and others
 */
export function withoutLogs(text: string, logs: readonly string[], list: (folder: string) => string[]): RotationRest {
  const rest: RotationRest = { text: '', expanded: [] }
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

/** Paths up to a brace, and what is in the braces; a brace in a script is the script's. */
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

/** What a pattern matches today; any part of it may be one. */
function expandPattern(path: string, list: (folder: string) => string[]): string[] {
  if (path === '/') return ['']
  return expandPattern(dirname(path), list).flatMap((folder) =>
    list(folder)
      .filter((name) => matchesGlob(name, basename(path)))
      .map((name) => `${folder}/${name}`),
  )
}

/** A log, or what rotation has made of it. */
function isOneOf(logs: readonly string[], path: string): boolean {
  return logs.some((log) => path === log || path.startsWith(`${log}.`) || path.startsWith(`${log}-`))
}

function saysSomething(lines: readonly string[]): boolean {
  return lines.some((line) => line.trim() !== '' && !line.trim().startsWith('#'))
}
