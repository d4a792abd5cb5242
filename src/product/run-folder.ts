import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'

/** What is locked in the folder of lock and pidfile. */
export const runLocks = [paths.instanceLock, paths.waitingLock] as const

/**
 * Gives the folder of lock and pidfile from one owner of the service to another, as root. The locks stay the
 * same files, so that whoever starts at this moment still meets the others there.
 */
export function giveRunFolder(host: Host, from: Ids, to: Ids): void {
  for (const path of [...runLocks, paths.run]) host.files.handOver(path, from, to)
}
