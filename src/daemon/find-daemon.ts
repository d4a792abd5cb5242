import type { Host } from '../host/host.ts'
import { findLockHolder, mayHoldLock } from '../host/lock-holder.ts'
import { isSameProcess, type ProcessIdentity } from '../host/process-identity.ts'
import { paths } from '../paths.ts'
import type { InstanceNote } from './instance-note.ts'
import { readInstanceNote } from './instance-record.ts'
import { readPidfile, usualPidfile } from './pidfile.ts'

export type DaemonState =
  /** Proven by its lock. What it says of itself is there where we may read it. */
  | { kind: 'running'; process: ProcessIdentity; note: InstanceNote | undefined }
  /** This process may be it, and we may not look into it. */
  | { kind: 'unknown'; pid: number }
  /** Nobody runs; a pidfile says otherwise. */
  | { kind: 'dead'; pidfile: string }
  | { kind: 'stopped' }

/**
 * Looks for the daemon. No settings are needed, and no file is believed: a pidfile is only looked at
 * when nobody holds the lock.
 * @param pidfile `--pidfile`; undefined for where the last start had it
 */
export function findDaemon(host: Host, pidfile: string | undefined): DaemonState {
  const process = findLockHolder(host.files, paths.instanceLock)
  const note = readInstanceNote(host)
  if (process) return { kind: 'running', process, note: isSameProcess(process, note?.process) ? note : undefined }
  const path = pidfile ?? usualPidfile(host)
  const named = [note?.process.pid, readPidfile(host, path)]
  const suspect = named.find((pid) => pid !== undefined && mayHoldLock(host.files, paths.instanceLock, pid))
  if (suspect !== undefined) return { kind: 'unknown', pid: suspect }
  return host.files.stat(path)?.isFile() ? { kind: 'dead', pidfile: path } : { kind: 'stopped' }
}
