import type { ResultDocument } from '../../engine/report-json.ts'
import { KnownError, messageOf, systemCode } from '../../errors.ts'
import type { Lock } from '../../host/processes/lock.ts'
import { paths } from '../../paths.ts'
import { printable } from '../../text/printable.ts'
import type { Machine } from '../machine.ts'
import { ownSuffix } from './quiet.ts'

/**
 * Keeps the result document on disk, last and whole, but for the diffs: everybody may read it, and not
 * every file that a diff is of. A failure to do so is a warning.
 * @param right the lock, or, for a run that changes nothing else, whether it may still be written
 */
export function saveResult(
  { host }: Machine,
  document: ResultDocument,
  right: Lock | (() => boolean),
  warn: (message: string) => void,
): void {
  if (!host.files.stat(paths.setupState)?.isDirectory()) return
  const tasks = document.tasks.map(({ diff: _diff, ...task }) => task)
  const bytes = Buffer.from(printable(`${JSON.stringify({ ...document, tasks }, undefined, 2)}\n`))
  const attributes = { mode: 0o644 }
  try {
    if (typeof right === 'function') {
      host.files.writeUnlocked(paths.setupResult, bytes, attributes, ownSuffix(), right)
    } else {
      host.files.write(paths.setupResult, bytes, attributes)
    }
  } catch (error) {
    if (typeof right === 'function' && isTakenAway(error)) return
    warn(`the result was not kept: ${messageOf(error)}`)
  }
}

/** A run that has come to hold the lock clears away what is unfinished, and will keep a newer result than ours. */
function isTakenAway(error: unknown): boolean {
  return error instanceof KnownError && systemCode(error.cause) === 'ENOENT'
}
