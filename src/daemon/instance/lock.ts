import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { acquireLock, type Lock } from '../../host/processes/lock.ts'
import { identifyProcess, isSameProcess } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import { readInstanceNote } from './record.ts'

const lookEveryMs = 20
/** A holder that has not said who it is by then never will. */
const namelessLimitMs = 5000

/**
 * One daemon a machine. A lock that is held without a living holder's name in it is one that is
 * being taken or given up at this moment: we look again.
 * @returns undefined when the signal came first
 * @throws KnownError `already-running`, naming who runs
 */
export async function lockInstance(host: Host, stop: AbortSignal): Promise<Lock | undefined> {
  for (let waitedMs = 0; !stop.aborted; waitedMs += lookEveryMs) {
    const lock = acquireLock(host.tree, paths.instanceLock)
    if (lock) return lock
    const note = readInstanceNote(host)
    if (note && isSameProcess(identifyProcess(note.process.pid), note.process))
      throw alreadyRunning(`pid ${note.process.pid}`)
    // A holder that we are not allowed to see has said who it is all the same (proc(5), hidepid).
    if (waitedMs >= namelessLimitMs)
      throw alreadyRunning(note ? `pid ${note.process.pid}` : 'and does not say who it is')
    await sleep(lookEveryMs, undefined, { signal: stop }).catch(() => {})
  }
  return undefined
}

/** The error of a start beside a daemon that runs. @param who completes "already running, …" */
export function alreadyRunning(who: string): KnownError {
  return new KnownError('already-running', `frameworkd is already running, ${who}`, 'stop it first: frameworkd stop')
}
