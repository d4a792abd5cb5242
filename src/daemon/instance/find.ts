import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { seeLock } from '../../host/processes/lock-holder.ts'
import { isSameProcess, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import type { InstanceNote } from './note.ts'
import { usualPidfile } from './pidfile.ts'
import { readInstanceNote, readWaitingNote } from './record.ts'

export type DaemonState =
  /** Proven by its lock. What it says of itself is there where we may read it. */
  | { kind: 'running'; process: ProcessIdentity; note: InstanceNote | undefined }
  /** Proven by its other lock: it serves once its database answers. */
  | { kind: 'waiting'; process: ProcessIdentity; waitsFor: string | undefined }
  /** It may run, and cannot be seen: why, to complete a sentence, and which process may be it. */
  | { kind: 'unknown'; why: string; pid?: number }
  /** Nobody runs; a pidfile says otherwise. */
  | { kind: 'dead'; pidfile: string }
  | { kind: 'stopped' }

/**
 * Looks for the daemon. No settings are needed, and no file is believed: a pidfile is only looked at
 * when nobody holds a lock. Who waits takes the other lock before it gives up its own, so that one is
 * looked at first.
 * @param pidfile `--pidfile`; undefined for where the last start had it
 */
export function findDaemon(host: Host, pidfile: string | undefined): DaemonState {
  const waiting = seeLock(host.files, paths.waitingLock)
  const lock = seeLock(host.files, paths.instanceLock)
  if (lock.kind === 'unseen') return { ...lock, kind: 'unknown' }
  if (lock.kind === 'held') {
    const { process } = lock
    const note = readInstanceNote(host)
    return { kind: 'running', process, note: isSameProcess(process, note?.process) ? note : undefined }
  }
  if (waiting.kind === 'unseen') return { ...waiting, kind: 'unknown' }
  if (waiting.kind === 'held') {
    const { process } = waiting
    const note = readWaitingNote(host)
    return { kind: 'waiting', process, waitsFor: isSameProcess(process, note?.process) ? note?.waitsFor : undefined }
  }
  const path = pidfile ?? usualPidfile(host)
  return host.files.stat(path)?.isFile() ? { kind: 'dead', pidfile: path } : { kind: 'stopped' }
}

/** What a verb says that cannot know whether a daemon runs. */
export function cannotBeSeen(why: string): KnownError {
  return new KnownError(
    'preflight',
    `it cannot be told whether frameworkd runs: ${why}`,
    'run it as root, outside of containers',
  )
}
