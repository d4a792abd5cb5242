import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { acquireLock, type Lock, testLock } from '../../host/processes/lock.ts'
import { identifyProcess, isSameProcess } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import type { InstanceNote } from './note.ts'
import { readInstanceNote, readWaitingNote } from './record.ts'

const lookEveryMs = 20
/** A holder that has not said who it is by then never will. */
const namelessLimitMs = 5000

/**
 * One daemon a machine.
 * @returns undefined when the signal came first
 * @throws KnownError `already-running`, naming who runs
 */
export function lockInstance(host: Host, stop: AbortSignal): Promise<Lock | undefined> {
  return takeLock(host, paths.instanceLock, readInstanceNote, stop)
}

/**
 * One daemon that waits, and none beside one that serves: it would only end later.
 * @returns undefined when the signal came first
 * @throws KnownError `already-running`, naming who runs or waits
 */
export function lockWaiting(host: Host, stop: AbortSignal): Promise<Lock | undefined> {
  const pid = testLock(host.tree, paths.instanceLock) === 'held' ? livingPid(readInstanceNote(host)) : undefined
  if (pid !== undefined) throw alreadyRunning(`pid ${pid}`)
  return takeLock(host, paths.waitingLock, readWaitingNote, stop)
}

/**
 * A lock that is held without a living holder's name in it is one that is being taken or given up at
 * this moment: we look again.
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
    if (pid !== undefined) throw alreadyRunning(`pid ${pid}`)
    // A holder that we are not allowed to see has said who it is all the same (proc(5), hidepid).
    if (waitedMs >= namelessLimitMs)
      throw alreadyRunning(note ? `pid ${note.process.pid}` : 'and does not say who it is')
    await sleep(lookEveryMs, undefined, { signal: stop }).catch(() => {})
  }
  return undefined
}

function livingPid(note: Pick<InstanceNote, 'process'> | undefined): number | undefined {
  return note && isSameProcess(identifyProcess(note.process.pid), note.process) ? note.process.pid : undefined
}

/** The error of a start beside a daemon that runs. @param who completes "already running, …" */
export function alreadyRunning(who: string): KnownError {
  return new KnownError('already-running', `frameworkd is already running, ${who}`, 'stop it first: frameworkd stop')
}
