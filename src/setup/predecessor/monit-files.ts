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
 * Finds files with the check: Monit's own file, those that it includes, and those in the folders of Debian and OSSIM.
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
  return [...texts].filter(([, text]) => checkOfPredecessor.test(text)).map(([path]) => path)
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
  return files
    .list(folder)
    .filter((name) => !name.startsWith('.') && (names === '*' || matchesGlob(name, names)))
    .map((name) => `${folder}/${name}`)
}
