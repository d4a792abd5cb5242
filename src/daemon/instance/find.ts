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
 * when nobody holds a lock.
 * @param pidfile `--pidfile`; undefined for where the last start had it
 */
export function findDaemon(host: Host, pidfile: string | undefined): DaemonState {
  const found = lookForInstance(host) ?? lookForWaiting(host)
  if (found) return found
  const path = pidfile ?? usualPidfile(host)
  return host.files.stat(path)?.isFile() ? { kind: 'dead', pidfile: path } : { kind: 'stopped' }
}

function lookForInstance(host: Host): DaemonState | undefined {
  const lock = seeLock(host.files, paths.instanceLock)
  if (lock.kind === 'free') return undefined
  if (lock.kind === 'unseen') return { ...lock, kind: 'unknown' }
  const { process } = lock
  const note = readInstanceNote(host)
  return { kind: 'running', process, note: isSameProcess(process, note?.process) ? note : undefined }
}

/** Since its boot a machine may have had nobody who waited, and then there is no such file. */
function lookForWaiting(host: Host): DaemonState | undefined {
  if (!host.files.stat(paths.waitingLock)) return undefined
  const lock = seeLock(host.files, paths.waitingLock)
  // Whoever waited may have got the other lock since we looked.
  if (lock.kind === 'free') return lookForInstance(host)
  if (lock.kind === 'unseen') return { ...lock, kind: 'unknown' }
  const { process } = lock
  const note = readWaitingNote(host)
  return { kind: 'waiting', process, waitsFor: isSameProcess(process, note?.process) ? note?.waitsFor : undefined }
}

/** What a verb says that cannot know whether a daemon runs. */
export function cannotBeSeen(why: string): KnownError {
  return new KnownError(
    'preflight',
    `it cannot be told whether frameworkd runs: ${why}`,
    'run it as root, outside of containers',
  )
}

/** What a verb says that needs a daemon that serves. */
export function notServingYet({ process, waitsFor }: Extract<DaemonState, { kind: 'waiting' }>): KnownError {
  const message = `frameworkd, pid ${process.pid}, does not serve yet${waitsFor === undefined ? '' : `: ${waitsFor}`}`
  return new KnownError('task-failed', message, 'start it with other settings: frameworkd restart')
}
