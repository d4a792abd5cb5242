/**
 * Tells systemd the state of the service (sd_notify(3)), where systemd asked for it. A service that was asked to
 * notify and cannot must not look like one that starts for ever: its first message fails loudly.
 */
import { messageOf } from '../errors.ts'
import { NotifySocket } from '../host/processes/notify-socket.ts'
import { printable } from '../text/printable.ts'

/** How long systemd shall wait for the next message while the database does not answer, in microseconds. */
const startExtensionUs = 120_000_000

export class Notifier {
  /** How often the watchdog is fed: twice within its timeout. Undefined where systemd asked for no watchdog. */
  readonly feedEveryMs: number | undefined
  readonly #socket: NotifySocket | undefined
  /** Called where a message fails after the start; that is no reason to end. */
  onFailure: (message: string) => void = () => {}

  constructor(socket: NotifySocket | undefined, watchdogMs: number | undefined) {
    this.#socket = socket
    this.feedEveryMs = watchdogMs && watchdogMs / 2
  }

  /** The service is starting. @param status what it waits for @throws KnownError `notify-failed` */
  async starting(status: string): Promise<void> {
    await this.#socket?.send(`STATUS=${oneLine(status)}`, `EXTEND_TIMEOUT_USEC=${startExtensionUs}`)
  }

  /** The service is ready. @throws KnownError `notify-failed` */
  async ready(status: string): Promise<void> {
    await this.#socket?.send('READY=1', `STATUS=${oneLine(status)}`)
  }

  /** A reload begins. The time is that of CLOCK_MONOTONIC, as hrtime gives it. */
  reloading(): Promise<void> {
    return this.#try('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  /** The reload has ended. */
  reloaded(status: string): Promise<void> {
    return this.#try('READY=1', `STATUS=${oneLine(status)}`)
  }

  /** A new status line, while the service is ready. */
  status(text: string): Promise<void> {
    return this.#try(`STATUS=${oneLine(text)}`)
  }

  /** The service ends because of an error. `systemctl status` shows the last status line of a failed unit. */
  failed(why: string): Promise<void> {
    return this.#try(`STATUS=${oneLine(`Failed: ${why}`)}`)
  }

  stopping(): Promise<void> {
    return this.#try('STOPPING=1', 'STATUS=Stopping')
  }

  /** Feeds the watchdog: the listener has answered. */
  alive(): Promise<void> {
    return this.feedEveryMs === undefined ? Promise.resolve() : this.#try('WATCHDOG=1')
  }

  async #try(...assignments: string[]): Promise<void> {
    try {
      await this.#socket?.send(...assignments)
    } catch (error) {
      this.onFailure(messageOf(error))
    }
  }
}

/**
 * Takes systemd's variables out of the environment, so that our child processes do not notify in our place.
 * @param isForUs false where the variables are meant for the program that started us
 */
export function takeNotifier(environment: Record<string, string | undefined>, isForUs = true): Notifier {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: interval, WATCHDOG_PID: pid } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (!isForUs) return new Notifier(undefined, undefined)
  // sd_watchdog_enabled(3)
  const isOurs = pid === undefined || pid === String(process.pid)
  const intervalMs = isOurs && /^[1-9]\d{0,15}$/.test(interval ?? '') ? Number(interval) / 1000 : undefined
  return new Notifier(address ? new NotifySocket(address) : undefined, intervalMs)
}

function oneLine(text: string): string {
  return printable(text.replace(/[\n\t]+/g, ' '))
}
