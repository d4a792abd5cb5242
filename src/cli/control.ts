/** The verbs that change whether and how the daemon runs; where systemd owns the service, through systemctl. */
import { reloadDaemon, stopDaemon } from '../daemon/control.ts'
import { findDaemon } from '../daemon/find-daemon.ts'
import { startDaemon } from '../daemon/start.ts'
import { KnownError } from '../errors.ts'
import { standardError, standardOutput } from '../host/output.ts'
import { isOwnedBySystemd, lastExitCode, runSystemctl, type SystemctlVerb } from '../host/systemd-service.ts'
import { services } from '../paths.ts'
import { type DaemonFlags, settingsRequest } from './daemon-flags.ts'
import { listenForInterrupts } from './interrupts.ts'

const serviceUnit = `${services.daemon}.service`
const startLimitMs = 90_000
/** Longer than a daemon waits for its clients. */
const stopLimitMs = 30_000
/** Of systemctl: what was ordered was tried and failed; other codes say that it was not even tried. */
const jobFailedCode = 1

/** `frameworkd start`. @returns 0 when a daemon serves, else the exit code that it ended with */
export async function start(flags: DaemonFlags): Promise<number> {
  if (isSystemds(flags)) return await startService('start', flags)
  const signal = listenForInterrupts()
  return await startDetached(flags, signal)
}

/** `frameworkd stop`. @returns 0 when none runs any more */
export async function stop(flags: DaemonFlags): Promise<number> {
  // Whoever was started beside systemd is stopped as well.
  const code = isSystemds(flags) ? await orderService('stop', undefined) : undefined
  const signal = listenForInterrupts()
  const stopped = await stopDaemon(flags.host, flags.timeoutMs ?? stopLimitMs, signal)
  if (!stopped) return code ?? say('frameworkd is not running')
  return say(`frameworkd, pid ${stopped.pid}, ${stopped.killed ? 'did not end in time and was killed' : 'has stopped'}`)
}

/** `frameworkd restart`: what could not start again is not stopped. */
export async function restart(flags: DaemonFlags): Promise<number> {
  if (isSystemds(flags)) return await startService('restart', flags)
  const signal = listenForInterrupts()
  if (findDaemon(flags.host, flags.pidfile).kind === 'running') await requireStartable(flags, signal)
  await stopDaemon(flags.host, stopLimitMs, signal)
  return await startDetached(flags, signal)
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
  const place = outcome.listens ? `, listening on ${outcome.listens.address} port ${outcome.listens.port}` : ''
  return say(`frameworkd ${outcome.already ? 'runs already' : 'serves'}, pid ${outcome.pid}${place}`)
}

async function requireStartable(flags: DaemonFlags, signal: AbortSignal): Promise<void> {
  const { verifyKey } = await import('../daemon/verify-key.ts')
  const { resolveAccount } = await import('../host/accounts.ts')
  const { loadSettings } = await import('../settings/load.ts')
  const loaded = loadSettings(settingsRequest(flags, flags.host))
  await verifyKey(loaded, flags.host, resolveAccount(flags.host.files, flags.user ?? loaded.owner), signal)
}

function isSystemds(flags: DaemonFlags): boolean {
  return flags.host.isLive && isOwnedBySystemd(flags.host, serviceUnit)
}

async function startService(verb: 'start' | 'restart', flags: DaemonFlags): Promise<number> {
  if (flags.forRun.length > 0) {
    const hint = `put it into the unit: systemctl edit ${serviceUnit}`
    throw new KnownError('usage', `systemd runs the service here, without ${flags.forRun.join(' ')}`, hint)
  }
  return await orderService(verb, flags.timeoutMs ?? startLimitMs)
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
