/** The listener, for as long as row frameworkd_listener wants one. */
import type { Settings } from '../../settings/resolve.ts'
import type { Place } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import type { Listener } from './listener.ts'

export interface ListeningOptions {
  open(settings: Settings): Promise<Listener>
  logs: Logs
  /** Without a listener nobody can be asked whether all is well: that we still run is all that there is to tell. */
  onAlive(): void
  aliveEveryMs: number
}

export class Listening implements AsyncDisposable {
  /** Rejects when the listener is gone or deaf. */
  readonly failure: Promise<never>
  readonly #options: ListeningOptions
  readonly #fail: (reason: unknown) => void
  #listener: Listener | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ListeningOptions) {
    this.#options = options
    const { promise, reject } = Promise.withResolvers<never>()
    // Nobody waits for it once the daemon ends by itself.
    promise.catch(() => {})
    this.failure = promise
    this.#fail = reject
  }

  /** Where it listens; undefined while it is switched off. */
  get place(): Place | undefined {
    return this.#listener?.place
  }

  /** Listens as the settings want it. @throws KnownError when it cannot; what listened before goes on */
  async follow(settings: Settings): Promise<void> {
    const before = this.place
    if (!settings.listener) await this.#switchOff()
    else if (this.#listener) await this.#listener.move(settings.listenAddress, settings.port)
    else await this.#switchOn(settings)
    const { place } = this
    const isSame = describePlace(place) === describePlace(before)
    if (!isSame || !place) this.#options.logs.info(describePlace(place))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#listener?.[Symbol.asyncDispose]()
  }

  async #switchOn(settings: Settings): Promise<void> {
    this.#listener = await this.#options.open(settings)
    this.#listener.failure.catch(this.#fail)
    clearInterval(this.#timer)
  }

  async #switchOff(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    await listener?.[Symbol.asyncDispose]()
    const { onAlive, aliveEveryMs } = this.#options
    clearInterval(this.#timer)
    this.#timer = setInterval(onAlive, aliveEveryMs).unref()
  }
}

/** For people, and for systemd's status line. */
export function describePlace(place: Place | undefined): string {
  if (!place) return 'The listener is switched off by row frameworkd_listener'
  const { address, port, waitsFor } = place
  const waiting = waitsFor === undefined ? '' : `, waiting for the address ${waitsFor}`
  return `Listening on ${address} port ${port}${waiting}`
}
