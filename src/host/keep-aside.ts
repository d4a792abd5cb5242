import { systemCode } from '../errors.ts'
import type { FileAttributes, Files } from './files.ts'

/** What is kept: `damaged` what could not be read, `replaced` what a human gave up. */
export type AsideKind = 'damaged' | 'replaced'

const attemptLimit = 100

/**
 * Keeps the file itself beside itself, as PATH.damaged-TIME, mode 0400, its bytes untouched. A
 * copy that an interrupted run has kept already is enough.
 * @returns the path of what was kept
 */
export function keepFileAside(files: Files, path: string, kind: AsideKind, now: Date): string {
  const bytes = files.read(path)?.bytes
  const kept = bytes && findKept(files, path, kind, bytes)
  return (
    kept ?? underFreeName(path, kind, now, (aside) => files.keepAside(path, aside.slice(aside.lastIndexOf('/') + 1)))
  )
}

/** Keeps bytes that are not in a file beside it, in the same way. */
export function keepBytesAside(
  files: Files,
  path: string,
  kind: AsideKind,
  bytes: Buffer,
  attributes: FileAttributes,
  now: Date,
): string {
  const kept = findKept(files, path, kind, bytes)
  return kept ?? underFreeName(path, kind, now, (aside) => files.writeExclusively(aside, bytes, attributes))
}

function findKept(files: Files, path: string, kind: AsideKind, bytes: Buffer): string | undefined {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const prefix = `${path.slice(folder.length + 1)}.${kind}-`
  const candidates = files.list(folder).filter((name) => name.startsWith(prefix))
  return candidates.map((name) => `${folder}/${name}`).find((aside) => files.read(aside)?.bytes.equals(bytes))
}

/** Names carry the time to the millisecond; a taken one moves on by one. */
function underFreeName(path: string, kind: AsideKind, now: Date, keep: (aside: string) => void): string {
  for (let attempt = 0; ; attempt += 1) {
    const time = new Date(now.getTime() + attempt).toISOString().replace(/[-:]/g, '')
    const aside = `${path}.${kind}-${time}`
    try {
      keep(aside)
      return aside
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || attempt >= attemptLimit) throw error
    }
  }
}
