/** Which files of Monit hold a check of the original. */
import { basename, dirname, matchesGlob } from 'node:path'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { monitFolders, paths, services } from '../../paths.ts'

/** How many levels of includes are followed. */
const mostLevels = 4

/** `check process ossim-framework …`, at the beginning of a statement of Monit. */
export const checkOfPredecessor = new RegExp(
  `^[ \\t]*check[ \\t]+process[ \\t]+["']?${services.predecessor}["']?(?=\\s)`,
  'im',
)

/**
 * Finds files with the check: Monit's own file, those that it includes, and those in the folders of Debian and OSSIM;
 * none where Monit's folder is empty or missing. A file with two names is found by the first of them.
 */
export function findMonitFiles(host: Host): string[] {
  if (host.files.list(dirname(paths.monitControl)).length === 0) return []
  const texts = new Map<string, string>()
  let level = [paths.monitControl, ...monitFolders.flatMap((folder) => expand(host, `${folder}/*`))]
  for (let depth = 0; depth < mostLevels && level.length > 0; depth += 1) {
    const fresh = new Set(level.filter((path) => !texts.has(path)))
    for (const path of fresh) texts.set(path, textOf(host, path))
    level = [...fresh].flatMap((path) => includesOf(texts.get(path) ?? '')).flatMap((pattern) => expand(host, pattern))
  }
  const seen = new Set<string>()
  return [...texts.keys()].filter((path) => {
    const { dev, ino } = host.files.stat(path) ?? {}
    if (!checkOfPredecessor.test(texts.get(path) ?? '') || seen.has(`${dev}:${ino}`)) return false
    seen.add(`${dev}:${ino}`)
    return true
  })
}

/** Reads a file, also behind a link: Debian includes a file by a link to it. */
function textOf({ files, privileged }: Host, path: string): string {
  const stats = files.stat(path)
  if (!stats?.isFile() && !stats?.isSymbolicLink()) return ''
  try {
    return files.read(path, { followLast: true })?.bytes.toString('latin1') ?? ''
  } catch (error) {
    // An account that may not read them may not change anything either: preflight reports that.
    if (error instanceof KnownError && error.code === 'task-failed' && !privileged) return ''
    throw error
  }
}

function includesOf(text: string): string[] {
  return [...text.matchAll(/^[ \t]*include[ \t]+["']?(\/[^\s"']+)/gim)].map((found) => found[1] ?? '')
}

/** Expands a pattern (glob(7)) in the last part of a path, where Monit's own examples have it. */
function expand({ files }: Host, pattern: string): string[] {
  const [folder, names] = [dirname(pattern), basename(pattern)]
  const there = files.stat(folder)
  if (!there?.isDirectory() && !there?.isSymbolicLink()) return []
  return listFolder(files, folder)
    .filter((name) => !name.startsWith('.') && (names === '*' || matchesGlob(name, names)))
    .map((name) => `${folder}/${name}`)
}

/** A link that another account could have planted, or that leads to a file, is not looked into: nothing behind it is moved. */
function listFolder(files: Host['files'], folder: string): string[] {
  try {
    return files.list(folder)
  } catch (error) {
    if (error instanceof KnownError && error.code === 'refused-path') return []
    throw error
  }
}
