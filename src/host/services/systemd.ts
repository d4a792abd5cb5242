/**
 * systemd, through systemctl. Every wait for a job has a timeout: a job may be ordered
 * after the unit that runs us (the first-boot unit), and a service may wait for its database for ever.
 */
import { KnownError } from '../../errors.ts'
import { programs } from '../../paths.ts'
import { foreignText } from '../../text/printable.ts'
import type { Commands } from '../processes/commands.ts'
import { poll } from '../waiting.ts'
import { commandLimitMs, type ServiceManager, whyCommandFailed } from './service-manager.ts'
import { parseProperties, showArguments } from './systemctl.ts'

const readyLimitMs = 30_000
const pollEveryMs = 200

/** What systemd knows of a unit (org.freedesktop.systemd1(5)). */
export interface UnitState {
  active: string
  sub: string
  /** `success`, or how it ended. */
  result: string
  exitStatus: number
  /** The service's own status line (sd_notify(3)). */
  status: string
  /** A job for it is queued or runs. */
  hasJob: boolean
  /** Files of the unit changed since systemd read them. */
  needsReload: boolean
  /** When its main process was started, in milliseconds since 1970; undefined when it never was. */
  startedAtMs: number | undefined
}

export class Systemd implements ServiceManager {
  readonly #commands: Commands
  readonly #signal: AbortSignal

  constructor(commands: Commands, signal: AbortSignal) {
    this.#commands = commands
    this.#signal = signal
  }

  async unit(service: string): Promise<UnitState> {
    return parseState(await this.systemctl(...showArguments(`${service}.service`, properties)))
  }

  async isRunning(service: string): Promise<boolean> {
    return isUp(await this.unit(service))
  }

  /**
   * Queues a job without waiting, for a unit that is ordered after the one that runs us: it runs when we have ended.
   */
  async orderForLater(action: 'start' | 'try-restart', service: string): Promise<void> {
    await this.systemctl('--no-block', action, `${service}.service`)
  }

  start(service: string): Promise<string | undefined> {
    return this.#bringUp('start', service)
  }

  restart(service: string): Promise<string | undefined> {
    return this.#bringUp('try-restart', service)
  }

  async reload(service: string): Promise<void> {
    await this.systemctl('try-reload-or-restart', `${service}.service`)
  }

  async stop(service: string): Promise<void> {
    await this.systemctl('stop', `${service}.service`)
  }

  /** Runs systemctl. @throws KnownError `command-failed` with its message */
  async systemctl(...args: string[]): Promise<string> {
    const program = this.#commands.find(programs.systemctl)
    if (program === undefined) throw systemctlFailed(`${programs.systemctl} is missing`, 'install the package systemd')
    const result = await this.#commands.run(program, args, commandLimitMs, this.#signal)
    if (result.exitCode === 0) return result.stdout
    throw systemctlFailed(
      `systemctl ${args.join(' ')}: ${whyCommandFailed(result)}`,
      'look at: systemctl status, journalctl -b',
    )
  }

  async #bringUp(action: string, service: string): Promise<string | undefined> {
    await this.systemctl('--no-block', action, `${service}.service`)
    let status = ''
    const lookWhetherReady = async () => {
      const state = await this.unit(service)
      status = state.status
      if (!state.hasJob && !isUp(state)) throw serviceEnded(service, state)
      return !state.hasJob && state.active === 'active'
    }
    const options = { everyMs: pollEveryMs, limitMs: readyLimitMs, signal: this.#signal }
    return (await poll(lookWhetherReady, options)) ? undefined : status || 'it is starting'
  }
}

/** Whether a unit is up. One that waits for a restart after a failure is not. */
export function isUp({ active, sub }: UnitState): boolean {
  return ['active', 'reloading', 'activating'].includes(active) && sub !== 'auto-restart'
}

const properties = [
  'ActiveState',
  'SubState',
  'Result',
  'ExecMainStatus',
  'StatusText',
  'Job',
  'NeedDaemonReload',
  'ExecMainStartTimestampMonotonic',
]

function parseState(text: string): UnitState {
  const values = parseProperties(text)
  const startedAtUs = Number(values.ExecMainStartTimestampMonotonic ?? 0)
  return {
    active: values.ActiveState ?? '',
    sub: values.SubState ?? '',
    result: values.Result ?? '',
    exitStatus: Number(values.ExecMainStatus ?? 0),
    // The daemon sends this text, and it is not trusted: an attacker may have taken over its account.
    status: foreignText(values.StatusText ?? ''),
    hasJob: !['', '0'].includes(values.Job ?? ''),
    needsReload: values.NeedDaemonReload === 'yes',
    startedAtMs: startedAtUs > 0 ? wallClockMs(startedAtUs) : undefined,
  }
}

/** Converts a time of CLOCK_MONOTONIC in microseconds to the wall clock; that may have been set since. */
function wallClockMs(monotonicUs: number): number {
  return Date.now() - (Number(process.hrtime.bigint() / 1000n) - monotonicUs) / 1000
}

function serviceEnded(service: string, { result, exitStatus }: UnitState): KnownError {
  return systemctlFailed(
    `${service} does not stay up: result ${result}, exit code ${exitStatus}`,
    `look at: journalctl -u ${service} -n 20`,
  )
}

function systemctlFailed(message: string, hint: string): KnownError {
  return new KnownError('command-failed', message, hint)
}
