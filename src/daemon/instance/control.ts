/**
 * Orders to the running daemon, by signals. None needs settings that can be read, and none is sent
 * to a process that is not proven, at that moment, to be the daemon.
 */
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { findLockHolder, signalLockHolder } from '../../host/processes/lock-holder.ts'
import { isAlive, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { poll } from '../../host/waiting.ts'
import { paths } from '../../paths.ts'
import { cannotBeSeen, findDaemon, notServingYet } from './find.ts'
import { readPidfile, usualPidfile } from './pidfile.ts'
import { readInstanceNote } from './record.ts'

/** After SIGKILL only the kernel can keep a process. */
const killLimitMs = 5000
const reloadLimitMs = 60_000
const restoreLimitMs = 2000

export interface Stopped {
  pid: number
  /** It did not end in time. */
  killed: boolean
}

/**
 * Asks the daemon once to end, waits, and kills it at the deadline.
 * @returns undefined when none runs
 * @throws KnownError `preflight` where we cannot know, `task-failed` when it survives
 */
export async function stopDaemon(host: Host, limitMs: number, signal: AbortSignal): Promise<Stopped | undefined> {
  const daemon = requireKnown(host)
  if (!daemon) return undefined
  const waiting = findLockHolder(host.files, paths.waitingLock)
  const stopped = await stopProcess(host, daemon.process, limitMs, signal)
  // Who waits beside one that serves would serve next.
  if (waiting && isAlive(waiting)) await stopProcess(host, waiting, limitMs, signal)
  return stopped
}

async function stopProcess(
  host: Host,
  process: ProcessIdentity,
  limitMs: number,
  signal: AbortSignal,
): Promise<Stopped> {
  signalDaemon(host, process, 'SIGTERM')
  if (await untilGone(process, limitMs, signal)) return { pid: process.pid, killed: false }
  signalDaemon(host, process, 'SIGKILL')
  if (await untilGone(process, killLimitMs, signal)) return { pid: process.pid, killed: true }
  throw new KnownError(
    'task-failed',
    `frameworkd, pid ${process.pid}, does not end, not even killed`,
    `see what it hangs on: cat /proc/${process.pid}/stack`,
  )
}

/** Who waits takes the other lock before it gives up its own. */
function signalDaemon(host: Host, process: ProcessIdentity, signal: NodeJS.Signals): void {
  for (const path of [paths.waitingLock, paths.instanceLock])
    if (signalLockHolder(host.files, path, process, signal)) return
}

/**
 * Makes the daemon read its settings again, and waits for how that went.
 * @param ask asks it, where SIGHUP is not ours to send
 * @returns its pid
 * @throws KnownError `task-failed` when none runs or the settings were refused
 */
export async function reloadDaemon(host: Host, signal: AbortSignal, ask?: () => Promise<void>): Promise<number> {
  const daemon = requireKnown(host)
  if (!daemon) throw new KnownError('task-failed', 'frameworkd is not running', 'start it: frameworkd start')
  if (daemon.kind === 'waiting') throw notServingYet(daemon)
  const { process } = daemon
  const before = await untilReloaded(host, process, -1, signal)
  if (ask) await ask()
  else signalLockHolder(host.files, paths.instanceLock, process, 'SIGHUP')
  const { failure } = await untilReloaded(host, process, before.ended, signal)
  if (failure === undefined) return process.pid
  throw new KnownError(
    'task-failed',
    `not reloaded, the old settings stay: ${failure}`,
    'correct it, then reload again',
  )
}

/**
 * Has a daemon that runs put a pidfile back that somebody has removed or changed, so that what watches the
 * pidfile finds it. Whether it can is not worth an error.
 */
export async function restorePidfile(host: Host, signal: AbortSignal): Promise<void> {
  const state = findDaemon(host, undefined)
  if (state.kind !== 'running') return
  const path = usualPidfile(host)
  const isThere = () => readPidfile(host, path) === state.process.pid
  if (isThere() || !signalLockHolder(host.files, paths.instanceLock, state.process, 'SIGUSR2')) return
  await poll(isThere, { limitMs: restoreLimitMs, signal })
}

/** Waits until the daemon has ended more reloads than these, and none is at work. */
async function untilReloaded(host: Host, process: ProcessIdentity, ended: number, signal: AbortSignal) {
  const look = () => {
    const note = readInstanceNote(host)
    if (note?.process.pid === process.pid && note.serves && note.reloads.ended > ended && !note.reloads.running)
      return note.reloads
    return !isAlive(process) && 'ended'
  }
  const reloads = await poll(look, { limitMs: reloadLimitMs, signal })
  if (reloads !== undefined && reloads !== 'ended') return reloads
  throw new KnownError('task-failed', `frameworkd, pid ${process.pid}, did not reload`, 'look into its log')
}

/** @throws KnownError `preflight` when it cannot be known whether a daemon runs */
function requireKnown(host: Host) {
  const state = findDaemon(host, undefined)
  if (state.kind === 'unknown') throw cannotBeSeen(state.why)
  return state.kind === 'running' || state.kind === 'waiting' ? state : undefined
}

async function untilGone(process: ProcessIdentity, limitMs: number, signal: AbortSignal): Promise<boolean> {
  return (await poll(() => !isAlive(process), { limitMs, signal })) ?? false
}
