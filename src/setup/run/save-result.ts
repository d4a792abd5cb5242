import type { ResultDocument } from '../../engine/report-json.ts'
import { messageOf } from '../../errors.ts'
import type { Lock } from '../../host/processes/locks/lock.ts'
import { paths } from '../../paths.ts'
import { printable } from '../../text/printable.ts'
import type { Machine } from '../machine.ts'
import { lockForWork } from '../run-mark.ts'

/**
 * Saves the result document on disk, whole but without diffs: everybody may read it, but not
 * every file that a diff shows.
 * @param lock the setup lock, where the run holds it; else it is taken for this write. Where another run holds it,
 * nothing is saved: that run will save a newer result
 * @returns why it could not be saved
 */
export function saveResult({ host }: Machine, document: ResultDocument, lock: Lock | undefined): string | undefined {
  if (!host.files.stat(paths.setupState)?.isDirectory()) return undefined
  const tasks = document.tasks.map(({ diff: _diff, ...task }) => task)
  const bytes = Buffer.from(printable(`${JSON.stringify({ ...document, tasks }, undefined, 2)}\n`))
  try {
    using ownLock = lock ? undefined : lockForWork(host)
    if (lock || ownLock) host.files.write(paths.setupResult, bytes, { mode: 0o644 })
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
