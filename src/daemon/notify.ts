/**
 * What systemd is told of the service (sd_notify(3)): nothing at all unless it asked. A service that
 * was asked and cannot tell must not look like one that starts for ever: its first word decides.
 */
import { messageOf } from '../errors.ts'
import { NotifySocket } from '../host/processes/notify-socket.ts'
import { printable } from '../text/printable.ts'

/** How long systemd shall wait for the next word while the database does not answer. */
const startExtensionUs = 120_000_000

export class Notifier {
  /** How often to tell that all is well, twice in the time that systemd waits for it; undefined when it does not. */
  readonly feedEveryMs: number | undefined
  readonly #socket: NotifySocket | undefined
  /** Gets what cannot be told after the start; that is no reason to end. */
  onFailure: (message: string) => void = () => {}

  constructor(socket: NotifySocket | undefined, watchdogMs: number | undefined) {
    this.#socket = socket
    this.feedEveryMs = watchdogMs && watchdogMs / 2
  }

  /** The service starts, and what it waits for. @throws KnownError `notify-failed` */
  async starting(status: string): Promise<void> {
    await this.#socket?.send(`STATUS=${oneLine(status)}`, `EXTEND_TIMEOUT_USEC=${startExtensionUs}`)
  }

  /** It serves. @throws KnownError `notify-failed` */
  async ready(status: string): Promise<void> {
    await this.#socket?.send('READY=1', `STATUS=${oneLine(status)}`)
  }

  /** It reads its settings again. The time is CLOCK_MONOTONIC's, as Node's. */
  reloading(): Promise<void> {
    return this.#try('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  /** That is over. */
  reloaded(status: string): Promise<void> {
    return this.#try('READY=1', `STATUS=${oneLine(status)}`)
  }

  /** How it is, while it serves. */
  status(text: string): Promise<void> {
    return this.#try(`STATUS=${oneLine(text)}`)
  }

  /** It ends because of an error: what is told last is what people see of a unit that has failed. */
  failed(why: string): Promise<void> {
    return this.#try(`STATUS=${oneLine(`Failed: ${why}`)}`)
  }

  stopping(): Promise<void> {
    return this.#try('STOPPING=1', 'STATUS=Stopping')
  }

  /** The listener has answered. */
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
 * Takes systemd's wishes out of the environment, so that nothing that we start believes they are meant for it.
 * @param isForUs not where another program has started us in its own stead
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
