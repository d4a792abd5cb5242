/** The verbs start, stop, restart and reload; where systemd owns the service, they go through systemctl. */
import { reloadDaemon, restorePidfile, stopDaemon } from '../../daemon/instance/control.ts'
import { findDaemon } from '../../daemon/instance/find.ts'
import { clearPidfile } from '../../daemon/instance/pidfile.ts'
import { startDaemon } from '../../daemon/instance/start.ts'
import { listeningOn } from '../../daemon/listener/switchable-listener.ts'
import { consoleAlone } from '../../daemon/logs/destination.ts'
import { KnownError } from '../../errors.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import {
  credentialsFolder,
  isOwnedBySystemd,
  lastExitCode,
  readServiceStart,
  runSystemctl,
  type SystemctlVerb,
} from '../../host/services/systemd-service.ts'
import { services } from '../../paths.ts'
import { runOwnProgram } from '../../product/own-program.ts'
import { daemonCommand } from '../../text/command-line.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { startLimitSeconds, stopLimitSeconds } from '../time-limits.ts'
import type { DaemonRequest } from './request.ts'

const serviceUnit = `${services.daemon}.service`
const startLimitMs = startLimitSeconds * 1000
const stopLimitMs = stopLimitSeconds * 1000
/** systemctl's exit code for a job that was tried and failed; with any other code it was not even tried. */
const jobFailedCode = 1

/** `frameworkd start`. @returns 0 when a daemon serves, else the exit code that it ended with */
export async function start(request: DaemonRequest): Promise<number> {
  if (isSystemds(request)) {
    refuseFlags(request)
    const code = await runServiceJob('start', request.timeoutMs ?? startLimitMs)
    if (code === 0) await restorePidfile(request.host, listenForInterrupts())
    return code
  }
  requireLogFile(request)
  const signal = listenForInterrupts()
  const code = await startDetached(request, signal)
  if (code === 0) await restorePidfile(request.host, signal)
  return code
}

/** `frameworkd stop`. @returns 0 when none runs any more */
export async function stop(request: DaemonRequest): Promise<number> {
  const before = findDaemon(request.host, request.pidfile)
  // A daemon that was started without systemd is stopped, too.
  const code = isSystemds(request) ? await runServiceJob('stop', undefined) : undefined
  const signal = listenForInterrupts()
  const stopped = await stopDaemon(request.host, request.timeoutMs ?? stopLimitMs, signal)
  if (!stopped || stopped.killed) clearAfterwards(request)
  if (!stopped && code !== undefined && code !== 0) return code
  // systemd has stopped it, and says nothing of whom.
  if (!stopped && code === 0 && 'process' in before) return say(`frameworkd, pid ${before.process.pid}, has stopped`)
  if (!stopped && code === 0 && before.kind === 'unknown') return say('frameworkd has stopped')
  if (!stopped) return say('frameworkd is not running')
  return say(`frameworkd, pid ${stopped.pid}, ${stopped.killed ? 'did not end in time and was killed' : 'has stopped'}`)
}

/** Removes a stale pidfile when no daemon runs, so that status is 3. */
function clearAfterwards(request: DaemonRequest): void {
  const state = findDaemon(request.host, request.pidfile)
  if (state.kind !== 'dead') return
  try {
    clearPidfile(request.host, state.pidfile)
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    standardError.write(`frameworkd: the pidfile stays: ${error.message}\n`)
  }
}

/**
 * `frameworkd restart`: a daemon that could not start again is not stopped. @returns as start, or as the check that
 * failed
 */
export async function restart(request: DaemonRequest): Promise<number> {
  const signal = listenForInterrupts()
  if (isSystemds(request)) {
    refuseFlags(request)
    const { user, flags: ofUnit, environment } = readServiceStart(serviceUnit, 'run', 'FRAMEWORKD_')
    const ofService = { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: credentialsFolder(serviceUnit), ...environment }
    const forRun = [...ofUnit, ...(user === '' ? [] : ['--user', user])]
    const code = await checkStart(request, forRun, signal, ofService)
    return code === 0 ? await runServiceJob('restart', request.timeoutMs ?? startLimitMs) : code
  }
  requireLogFile(request)
  const code = await checkStart(request, request.forRun, signal)
  if (code !== 0) return code
  await stopDaemon(request.host, stopLimitMs, signal)
  return await startDetached(request, signal)
}

/** @throws KnownError `usage`: a detached daemon has no standard error */
function requireLogFile({ logFile, root }: DaemonRequest): void {
  if (logFile !== consoleAlone) return
  const hint = `name a file, or serve in the foreground: ${daemonCommand(root, 'run')} --log -`
  throw new KnownError('usage', '--log: a detached daemon has no standard error to log to', hint)
}

/**
 * Whether a daemon that runs could start again. A child process (`frameworkd verify`) makes the checks, since it
 * becomes the account of the service, and has the environment of the service.
 * @returns 0, or the exit code that a start would end with
 */
async function checkStart(
  request: DaemonRequest,
  forRun: readonly string[],
  signal: AbortSignal,
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  if (findDaemon(request.host, request.pidfile).kind !== 'running') return 0
  const code = await runOwnProgram('frameworkd', ['verify', `--root=${request.root}`, ...forRun], signal, environment)
  if (code !== 0) standardError.write('frameworkd: it could not start again, so it was left as it is\n')
  return code ?? 1
}

/** `frameworkd reload`. @throws KnownError when the daemon keeps its old settings */
export async function reload(request: DaemonRequest): Promise<number> {
  const signal = listenForInterrupts()
  const pid = await reloadDaemon(request.host, signal, isSystemds(request) ? runReloadJob : undefined)
  return say(`frameworkd, pid ${pid}, has reloaded`)
}

async function startDetached(request: DaemonRequest, signal: AbortSignal): Promise<number> {
  const outcome = await startDaemon({
    host: request.host,
    flags: [`--root=${request.root}`, ...request.forRun],
    environment: process.env,
    limitMs: request.timeoutMs ?? startLimitMs,
    signal,
    say: (line) => standardError.write(`frameworkd: ${line}\n`),
  })
  if ('exitCode' in outcome) {
    standardError.write(outcome.text)
    return outcome.exitCode
  }
  const listens = outcome.listens ? `, ${listeningOn(outcome.listens)}` : ''
  return say(`frameworkd ${outcome.already ? 'runs already' : 'serves'}, pid ${outcome.pid}${listens}`)
}

function isSystemds(request: DaemonRequest): boolean {
  return request.host.isLive && isOwnedBySystemd(request.host, serviceUnit)
}

/** @throws KnownError `usage` for flags that a service would not have */
function refuseFlags(request: DaemonRequest): void {
  if (request.forRun.length === 0) return
  const hint = `put it into the unit: systemctl edit ${serviceUnit}`
  throw new KnownError('usage', `systemd runs the service here, without ${request.forRun.join(' ')}`, hint)
}

async function runReloadJob(): Promise<void> {
  if ((await runServiceJob('reload', undefined)) === 0) return
  throw new KnownError('task-failed', 'systemd did not reload the service', `see: systemctl status ${serviceUnit}`)
}

/**
 * @returns 0, or the exit code that the daemon ended with
 * @throws KnownError `busy` when the job takes longer; it goes on
 */
async function runServiceJob(verb: SystemctlVerb, limitMs: number | undefined): Promise<number> {
  standardError.write(`frameworkd: done by systemd, which runs the service here: systemctl ${verb} ${serviceUnit}\n`)
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
