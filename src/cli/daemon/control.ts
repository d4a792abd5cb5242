/** The verbs that change whether and how the daemon runs; where systemd owns the service, through systemctl. */
import { reloadDaemon, restorePidfile, stopDaemon } from '../../daemon/instance/control.ts'
import { findDaemon } from '../../daemon/instance/find.ts'
import { clearPidfile } from '../../daemon/instance/pidfile.ts'
import { startDaemon } from '../../daemon/instance/start.ts'
import { describePlace } from '../../daemon/listener/listening.ts'
import { KnownError } from '../../errors.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import {
  isOwnedBySystemd,
  lastExitCode,
  readServiceStart,
  runSystemctl,
  type SystemctlVerb,
} from '../../host/services/systemd-service.ts'
import { services } from '../../paths.ts'
import { runOwnProgram } from '../../product/own-program.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { DaemonFlags } from './flags.ts'

const serviceUnit = `${services.daemon}.service`
const startLimitMs = 90_000
/** Longer than a daemon waits for its clients. */
const stopLimitMs = 30_000
/** Of systemctl: what was ordered was tried and failed; other codes say that it was not even tried. */
const jobFailedCode = 1

/** `frameworkd start`. @returns 0 when a daemon serves, else the exit code that it ended with */
export async function start(flags: DaemonFlags): Promise<number> {
  if (isSystemds(flags)) {
    refuseFlags(flags)
    const code = await orderService('start', flags.timeoutMs ?? startLimitMs)
    if (code === 0) await restorePidfile(flags.host, listenForInterrupts())
    return code
  }
  const signal = listenForInterrupts()
  const code = await startDetached(flags, signal)
  if (code === 0) await restorePidfile(flags.host, signal)
  return code
}

/** `frameworkd stop`. @returns 0 when none runs any more */
export async function stop(flags: DaemonFlags): Promise<number> {
  // Whoever was started beside systemd is stopped as well.
  const code = isSystemds(flags) ? await orderService('stop', undefined) : undefined
  const signal = listenForInterrupts()
  const stopped = await stopDaemon(flags.host, flags.timeoutMs ?? stopLimitMs, signal)
  if (!stopped || stopped.killed) clearAfterwards(flags)
  if (!stopped) return code ?? say('frameworkd is not running')
  return say(`frameworkd, pid ${stopped.pid}, ${stopped.killed ? 'did not end in time and was killed' : 'has stopped'}`)
}

/** Nobody runs: a pidfile that says otherwise goes, and status is 3. */
function clearAfterwards(flags: DaemonFlags): void {
  const state = findDaemon(flags.host, flags.pidfile)
  if (state.kind !== 'dead') return
  try {
    clearPidfile(flags.host, state.pidfile)
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    standardError.write(`frameworkd: the pidfile stays: ${error.message}\n`)
  }
}

/** `frameworkd restart`: what could not start again is not stopped. @returns as start, or as the check that failed */
export async function restart(flags: DaemonFlags): Promise<number> {
  const signal = listenForInterrupts()
  if (isSystemds(flags)) {
    refuseFlags(flags)
    const { user, flags: ofUnit } = readServiceStart(serviceUnit, 'run')
    const code = await checkStart(flags, [...ofUnit, ...(user === '' ? [] : ['--user', user])], signal)
    return code === 0 ? await orderService('restart', flags.timeoutMs ?? startLimitMs) : code
  }
  const code = await checkStart(flags, flags.forRun, signal)
  if (code !== 0) return code
  await stopDaemon(flags.host, stopLimitMs, signal)
  return await startDetached(flags, signal)
}

/**
 * Whether a daemon that runs could start again: a process of its own makes the checks, since it becomes
 * the account of the service.
 * @returns 0, or the exit code that a start would end with
 */
async function checkStart(flags: DaemonFlags, forRun: readonly string[], signal: AbortSignal): Promise<number> {
  if (findDaemon(flags.host, flags.pidfile).kind !== 'running') return 0
  const code = await runOwnProgram('frameworkd', ['verify', `--root=${flags.root}`, ...forRun], signal)
  if (code !== 0) standardError.write('frameworkd: it could not start again, so it was left as it is\n')
  return code ?? 1
}

/** `frameworkd reload`. @throws KnownError when the daemon keeps its old settings */
export async function reload(flags: DaemonFlags): Promise<number> {
  const signal = listenForInterrupts()
  const pid = await reloadDaemon(flags.host, signal, isSystemds(flags) ? orderReload : undefined)
  return say(`frameworkd, pid ${pid}, has reloaded`)
}

async function startDetached(flags: DaemonFlags, signal: AbortSignal): Promise<number> {
  const outcome = await startDaemon({
    host: flags.host,
    flags: [`--root=${flags.root}`, ...flags.forRun],
    environment: process.env,
    limitMs: flags.timeoutMs ?? startLimitMs,
    signal,
    say: (line) => standardError.write(`frameworkd: ${line}\n`),
  })
  if ('exitCode' in outcome) {
    standardError.write(outcome.text)
    return outcome.exitCode
  }
  const place = outcome.listens ? `, ${describePlace(outcome.listens).replace('Listening', 'listening')}` : ''
  return say(`frameworkd ${outcome.already ? 'runs already' : 'serves'}, pid ${outcome.pid}${place}`)
}

function isSystemds(flags: DaemonFlags): boolean {
  return flags.host.isLive && isOwnedBySystemd(flags.host, serviceUnit)
}

/** @throws KnownError `usage` for flags that a service would not have */
function refuseFlags(flags: DaemonFlags): void {
  if (flags.forRun.length === 0) return
  const hint = `put it into the unit: systemctl edit ${serviceUnit}`
  throw new KnownError('usage', `systemd runs the service here, without ${flags.forRun.join(' ')}`, hint)
}

async function orderReload(): Promise<void> {
  if ((await orderService('reload', undefined)) === 0) return
  throw new KnownError('task-failed', 'systemd did not reload the service', `see: systemctl status ${serviceUnit}`)
}

/**
 * @returns 0, or the exit code that the daemon ended with
 * @throws KnownError `busy` when the job takes longer; it goes on
 */
async function orderService(verb: SystemctlVerb, limitMs: number | undefined): Promise<number> {
  standardError.write(`frameworkd: systemd runs the service here: systemctl ${verb} ${serviceUnit}\n`)
  const code = await runSystemctl(verb, serviceUnit, limitMs)
  const hint = `see what it says: journalctl -u ${serviceUnit} -n 20`
  if (code === undefined) {
    throw new KnownError('busy', `systemctl ${verb} has not ended within ${(limitMs ?? 0) / 1000} s`, hint)
  }
  if (code === jobFailedCode) {
    standardError.write(`hint: ${hint}\n`)
    return lastExitCode(serviceUnit) || 1
  }
  return code === 0 ? 0 : 1
}

function say(line: string): 0 {
  standardOutput.write(`${line}\n`)
  return 0
}
