import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'

/** The lock files in the folder of lock and pidfile. */
export const runLocks = [paths.instanceLock, paths.waitingLock] as const

/**
 * Changes the owner of the folder of lock and pidfile, and of the locks, as root. The locks stay the
 * same files, so that a program that starts at this moment still finds them held.
 */
export function handOverRunFolder(host: Host, from: Ids, to: Ids): void {
  for (const path of [...runLocks, paths.run]) host.files.handOver(path, from, to)
}
