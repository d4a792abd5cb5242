import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { acquireLock, type Lock, testLock } from '../../host/processes/locks/lock.ts'
import { identifyProcess, isSameProcess } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import { daemonCommand } from '../../text/command-line.ts'
import type { InstanceNote } from './note.ts'
import { readInstanceNote, readWaitingNote } from './record.ts'

const lookEveryMs = 20
/** How long a holder may take to write its note into the lock file. */
const namelessLimitMs = 5000

/**
 * Takes the lock that only one daemon of a machine can hold.
 * @returns undefined when the signal came first
 * @throws KnownError `already-running`, naming who runs
 */
export function lockInstance(host: Host, stop: AbortSignal): Promise<Lock | undefined> {
  return takeLock(host, paths.instanceLock, readInstanceNote, stop)
}

/**
 * Takes the lock of a daemon that waits for its database. Only one may wait, and none beside a daemon that serves:
 * it could never get the instance lock.
 * @returns undefined when the signal came first
 * @throws KnownError `already-running`, naming who runs or waits
 */
export function lockWaiting(host: Host, stop: AbortSignal): Promise<Lock | undefined> {
  const pid = testLock(host.tree, paths.instanceLock) === 'held' ? livingPid(readInstanceNote(host)) : undefined
  if (pid !== undefined) throw alreadyRunning(host, `pid ${pid}`)
  return takeLock(host, paths.waitingLock, readWaitingNote, stop)
}

/**
 * A lock that is held, but whose note names no living process, is being taken or given up at this moment: we try
 * again.
 */
async function takeLock(
  host: Host,
  path: string,
  readNote: (host: Host) => Pick<InstanceNote, 'process'> | undefined,
  stop: AbortSignal,
): Promise<Lock | undefined> {
  for (let waitedMs = 0; !stop.aborted; waitedMs += lookEveryMs) {
    const lock = acquireLock(host.tree, path)
    if (lock) return lock
    const note = readNote(host)
    const pid = livingPid(note)
    if (pid !== undefined) throw alreadyRunning(host, `pid ${pid}`)
    // /proc may hide the holder from us (proc(5), hidepid); its note still names it.
    if (waitedMs >= namelessLimitMs)
      throw alreadyRunning(host, note ? `pid ${note.process.pid}` : 'and does not say who it is')
    await sleep(lookEveryMs, undefined, { signal: stop }).catch(() => {})
  }
  return undefined
}

function livingPid(note: Pick<InstanceNote, 'process'> | undefined): number | undefined {
  return note && isSameProcess(identifyProcess(note.process.pid), note.process) ? note.process.pid : undefined
}

/** The error of a start beside a daemon that runs. @param who completes "already running, …" */
export function alreadyRunning(host: Host, who: string): KnownError {
  const hint = `stop it first: ${daemonCommand(host.tree.root, 'stop')}`
  return new KnownError('already-running', `frameworkd is already running, ${who}`, hint)
}
