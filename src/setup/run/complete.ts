import type { TaskResult } from '../../engine/task.ts'
import { paths } from '../../paths.ts'
import type { Machine } from '../machine.ts'

/**
 * Writes the completion mark, which ends the waiting for a first boot: last of all, after a sync,
 * by a run that did everything. An image stays without.
 */
export function markComplete({ host, request }: Machine, results: readonly TaskResult[]): void {
  const isWhole = results.every(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
  if (request.check || request.forImage || !isWhole || host.files.stat(paths.setupComplete)) return
  host.syncDisks()
  host.files.write(paths.setupComplete, Buffer.alloc(0), { mode: 0o644 })
}
