import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { inspectLock } from '../../host/processes/locks/lock-holder.ts'
import { isSameProcess, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import { daemonCommand } from '../../text/command-line.ts'
import type { InstanceNote } from './note.ts'
import { usualPidfile } from './pidfile.ts'
import { readInstanceNote, readWaitingNote } from './record.ts'

export type DaemonState =
  /** Proven by the instance lock. `note` is undefined where we may not read it. */
  | { kind: 'running'; process: ProcessIdentity; note: InstanceNote | undefined }
  /** Proven by the waiting lock: it will serve once its database answers. */
  | { kind: 'waiting'; process: ProcessIdentity; waitsFor: string | undefined }
  /** It is not known whether it runs. `why` completes a sentence; `pid` is the process that may be it. */
  | { kind: 'unknown'; why: string; pid?: number }
  /** It does not run, but its pidfile is there. */
  | { kind: 'dead'; pidfile: string }
  | { kind: 'stopped' }

/**
 * Looks for the daemon. No settings are needed, and no file is trusted: the pidfile is only looked at
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
  const lock = inspectLock(host.files, paths.instanceLock)
  if (lock.kind === 'free') return undefined
  if (lock.kind === 'unseen') return { ...lock, kind: 'unknown' }
  const { process: holder } = lock
  const note = readInstanceNote(host)
  return { kind: 'running', process: holder, note: isSameProcess(holder, note?.process) ? note : undefined }
}

/** The file of the waiting lock is missing where no daemon has waited since the machine was booted. */
function lookForWaiting(host: Host): DaemonState | undefined {
  if (!host.files.stat(paths.waitingLock)) return undefined
  const lock = inspectLock(host.files, paths.waitingLock)
  // The daemon that waited may have taken the instance lock since we looked.
  if (lock.kind === 'free') return lookForInstance(host)
  if (lock.kind === 'unseen') return { ...lock, kind: 'unknown' }
  const { process: holder } = lock
  const note = readWaitingNote(host)
  const waitsFor = isSameProcess(holder, note?.process) ? note?.waitsFor : undefined
  return { kind: 'waiting', process: holder, waitsFor }
}

/** The error of a verb that cannot know whether a daemon runs. */
export function cannotBeSeen(why: string): KnownError {
  return new KnownError(
    'preflight',
    `it cannot be told whether frameworkd runs: ${why}`,
    'run it as root, outside of containers',
  )
}

/** The error of a verb that needs a daemon that serves. */
export function notServingYet(
  host: Host,
  { process: { pid }, waitsFor }: Extract<DaemonState, { kind: 'waiting' }>,
): KnownError {
  const message = `frameworkd, pid ${pid}, does not serve yet${waitsFor === undefined ? '' : `: ${waitsFor}`}`
  return new KnownError(
    'task-failed',
    message,
    `start it with other settings: ${daemonCommand(host.tree.root, 'restart')}`,
  )
}
