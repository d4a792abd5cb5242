import { KnownError } from '../../errors.ts'
import type { Files } from './files.ts'
import type { FileAttributes } from './whole-file.ts'

/** Why something was kept aside: it was `damaged` (not readable as a key), or was `replaced` by another key. */
const asideKinds = ['damaged', 'replaced'] as const
export type AsideKind = (typeof asideKinds)[number]

const attemptLimit = 100

/**
 * Keeps bytes that are about to be replaced in a file beside it, as PATH.damaged-TIME. It is a copy: a
 * second link to the file would share its owner and mode with the file that is still in use. Where an
 * interrupted run has kept the same bytes already, that copy is enough.
 * @returns its path
 */
export function keepAside(
  files: Files,
  path: string,
  kind: AsideKind,
  bytes: Buffer,
  attributes: FileAttributes,
  now: Date,
): string {
  const { folder, prefix } = asidePrefix(path, kind)
  const there = listOfKind(files, path, kind).find((kept) => files.read(kept)?.bytes.equals(bytes))
  if (there !== undefined) {
    files.removeLeftover(path)
    return there
  }
  // Names carry the time to the millisecond; a taken one moves on by one.
  for (let attempt = 0; ; attempt += 1) {
    const time = new Date(now.getTime() + attempt).toISOString().replace(/[-:]/g, '')
    if (files.writeBeside(path, `${prefix}${time}`, bytes, attributes)) return `${folder}/${prefix}${time}`
    if (attempt >= attemptLimit) {
      const hint = `look at them with: ls -l ${files.tree.quotedPath(folder)}`
      throw new KnownError('task-failed', `${folder} has too many files that begin with ${prefix}`, hint)
    }
  }
}

/** Everything that was kept beside a file. */
export function listAsides(files: Files, path: string): string[] {
  return asideKinds.flatMap((kind) => listOfKind(files, path, kind))
}

function listOfKind(files: Files, path: string, kind: AsideKind): string[] {
  const { folder, prefix } = asidePrefix(path, kind)
  return files
    .list(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => `${folder}/${name}`)
}

/** The folder of the files that were kept aside, and how their names begin. */
function asidePrefix(path: string, kind: AsideKind): { folder: string; prefix: string } {
  const end = path.lastIndexOf('/')
  return { folder: path.slice(0, end), prefix: `${path.slice(end + 1)}.${kind}-` }
}
