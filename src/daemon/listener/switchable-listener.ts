/** The listener, which row frameworkd_listener switches on and off. */
import type { Settings } from '../../settings/resolve.ts'
import type { ListenEndpoint } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import type { Listener } from './listener.ts'

export interface SwitchableListenerOptions {
  open(settings: Settings): Promise<Listener>
  logs: Logs
  /** Called at this interval while the listener is switched off: then there is no ping, and that we run must do. */
  onAlive(): void
  aliveEveryMs: number
}

export class SwitchableListener implements AsyncDisposable {
  /** Rejects when the listener is gone or deaf. */
  readonly failure: Promise<never>
  readonly #options: SwitchableListenerOptions
  readonly #fail: (reason: unknown) => void
  #listener: Listener | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: SwitchableListenerOptions) {
    this.#options = options
    const { promise, reject } = Promise.withResolvers<never>()
    // Nobody waits for it once the daemon ends by itself.
    promise.catch(() => {})
    this.failure = promise
    this.#fail = reject
  }

  /** Where it listens; undefined while it is switched off. */
  get endpoint(): ListenEndpoint | undefined {
    return this.#listener?.endpoint
  }

  /** Listens as the settings say. @throws KnownError when it cannot; it goes on listening as before */
  async follow(settings: Settings): Promise<void> {
    const before = this.endpoint
    if (!settings.listener) await this.#switchOff()
    else if (this.#listener) await this.#listener.move(settings.listenAddress, settings.port)
    else await this.#switchOn(settings)
    const { endpoint } = this
    const isSame = describeEndpoint(endpoint) === describeEndpoint(before)
    if (!isSame || !endpoint) this.#options.logs.info(describeEndpoint(endpoint))
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

/** A sentence for people, and for systemd's status line. */
export function describeEndpoint(endpoint: ListenEndpoint | undefined): string {
  return endpoint ? `Listening ${placeOf(endpoint)}` : 'The listener is switched off by row frameworkd_listener'
}

/** Within a sentence. */
export function listeningOn(endpoint: ListenEndpoint): string {
  return `listening ${placeOf(endpoint)}`
}

function placeOf({ address, port, waitsFor }: ListenEndpoint): string {
  return `on ${address} port ${port}${waitsFor === undefined ? '' : `, waiting for the address ${waitsFor}`}`
}
