/**
 * Controls the running daemon by signals. No settings need to be readable for that, and a signal is sent only
 * to a process that is proven, at that moment, to be the daemon.
 */
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { findLockHolder, signalLockHolder } from '../../host/processes/locks/lock-holder.ts'
import { isAlive, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { poll } from '../../host/waiting.ts'
import { paths, services } from '../../paths.ts'
import { daemonCommand } from '../../text/command-line.ts'
import { cannotBeSeen, findDaemon, notServingYet } from './find.ts'
import { readPidfile, usualPidfile } from './pidfile.ts'
import { readInstanceNote } from './record.ts'

/** How long a process may take to go away after SIGKILL; only the kernel can hold it then. */
const killLimitMs = 5000
const reloadLimitMs = 60_000
const restoreLimitMs = 2000

export interface StoppedDaemon {
  pid: number
  /** It did not end in time and was killed. */
  killed: boolean
}

/**
 * Asks the daemon once to end, waits, and kills it at the deadline.
 * @returns undefined when none runs
 * @throws KnownError `preflight` where we cannot know, `task-failed` when it survives
 */
export async function stopDaemon(host: Host, limitMs: number, signal: AbortSignal): Promise<StoppedDaemon | undefined> {
  const daemon = requireKnown(host)
  if (!daemon) return undefined
  const waiting = findLockHolder(host.files, paths.waitingLock)
  const stopped = await stopProcess(host, daemon.process, limitMs, signal)
  // A second daemon that waits would serve as soon as the first one ends.
  if (waiting && isAlive(waiting)) await stopProcess(host, waiting, limitMs, signal)
  return stopped
}

async function stopProcess(
  host: Host,
  target: ProcessIdentity,
  limitMs: number,
  signal: AbortSignal,
): Promise<StoppedDaemon> {
  signalDaemon(host, target, 'SIGTERM')
  if (await untilGone(target, limitMs, signal)) return { pid: target.pid, killed: false }
  signalDaemon(host, target, 'SIGKILL')
  if (await untilGone(target, killLimitMs, signal)) return { pid: target.pid, killed: true }
  throw new KnownError(
    'task-failed',
    `frameworkd, pid ${target.pid}, does not end, not even killed`,
    `see what it hangs on: cat /proc/${target.pid}/stack`,
  )
}

/** Both locks are tried, this one first: a daemon that waits takes the instance lock before it gives up the other. */
function signalDaemon(host: Host, target: ProcessIdentity, signal: NodeJS.Signals): void {
  for (const path of [paths.waitingLock, paths.instanceLock])
    if (signalLockHolder(host.files, path, target, signal)) return
}

/**
 * Makes the daemon read its settings again, and waits for the result.
 * @param ask asks for the reload where systemd does it; absent: SIGHUP is sent
 * @returns its pid
 * @throws KnownError `task-failed` when none runs or the settings were refused
 */
export async function reloadDaemon(host: Host, signal: AbortSignal, ask?: () => Promise<void>): Promise<number> {
  const daemon = requireKnown(host)
  if (!daemon)
    throw new KnownError(
      'task-failed',
      'frameworkd is not running',
      `start it: ${daemonCommand(host.tree.root, 'start')}`,
    )
  if (daemon.kind === 'waiting') throw notServingYet(host, daemon)
  const { process: target } = daemon
  const before = await untilReloaded(host, target, -1, signal)
  if (ask) await ask()
  else signalLockHolder(host.files, paths.instanceLock, target, 'SIGHUP')
  const { failure } = await untilReloaded(host, target, before.ended, signal)
  if (failure === undefined) return target.pid
  throw new KnownError(
    'task-failed',
    `not reloaded, the old settings stay: ${failure}`,
    'correct it, then reload again',
  )
}

/**
 * Asks a running daemon to write its pidfile again where somebody has removed or changed it, so that programs that
 * watch the pidfile find the daemon. It is no error where that fails.
 */
export async function restorePidfile(host: Host, signal: AbortSignal): Promise<void> {
  const state = findDaemon(host, undefined)
  if (state.kind !== 'running') return
  const path = usualPidfile(host)
  const isThere = () => readPidfile(host, path) === state.process.pid
  if (isThere() || !signalLockHolder(host.files, paths.instanceLock, state.process, 'SIGUSR2')) return
  await poll(isThere, { limitMs: restoreLimitMs, signal })
}

/** Waits until the daemon has ended more reloads than this number, and none is running. */
async function untilReloaded(host: Host, target: ProcessIdentity, ended: number, signal: AbortSignal) {
  const look = () => {
    const note = readInstanceNote(host)
    if (note?.process.pid === target.pid && note.serves && note.reloads.ended > ended && !note.reloads.running)
      return note.reloads
    return !isAlive(target) && 'ended'
  }
  const reloads = await poll(look, { limitMs: reloadLimitMs, signal })
  if (reloads !== undefined && reloads !== 'ended') return reloads
  const what =
    reloads === 'ended' ? 'ended while it reloaded' : `did not reload within ${reloadLimitMs / 1000} s (timeout)`
  const hint = `look at ${daemonCommand(host.tree.root, 'status')}, and at its log: journalctl -u ${services.daemon}, or its log files`
  throw new KnownError('task-failed', `frameworkd, pid ${target.pid}, ${what}`, hint)
}

/** @throws KnownError `preflight` when it cannot be known whether a daemon runs */
function requireKnown(host: Host) {
  const state = findDaemon(host, undefined)
  if (state.kind === 'unknown') throw cannotBeSeen(state.why)
  return state.kind === 'running' || state.kind === 'waiting' ? state : undefined
}

async function untilGone(target: ProcessIdentity, limitMs: number, signal: AbortSignal): Promise<boolean> {
  return (await poll(() => !isAlive(target), { limitMs, signal })) ?? false
}
