import type { Settings } from '../../settings/resolve.ts'
import { type BoundServers, bindEarly } from './bind.ts'

/** Ports below need root (ip(7), ip_unprivileged_port_start). */
const firstUnprivilegedPort = 1024

/**
 * A privileged port, bound while we are root. Whether that worked matters only to who gets to
 * listen: a second daemon shall hear that one runs, and not that its port is taken.
 */
export class EarlyBinding implements Disposable {
  readonly #settings: Settings
  #bound: Promise<BoundServers> | undefined

  private constructor(settings: Settings, bound: Promise<BoundServers> | undefined) {
    this.#settings = settings
    this.#bound = bound
  }

  /** Binds if we are root and the port needs it. @param settings as flags and files have them: the rows are not known yet */
  static async make(settings: Settings, privileged: boolean): Promise<EarlyBinding> {
    const { listenAddress, port, listener, sources } = settings
    const isWanted = privileged && listener && port < firstUnprivilegedPort && sources.port !== 'default'
    const bound = isWanted ? bindEarly(listenAddress, port) : undefined
    await Promise.allSettled([bound])
    return new EarlyBinding(settings, bound)
  }

  /**
   * Hands the socket over, once, for the place that it is bound to.
   * @throws KnownError why it could not be bound
   */
  async take(address: string, port: number): Promise<BoundServers | undefined> {
    if (address !== this.#settings.listenAddress || port !== this.#settings.port) return undefined
    const bound = this.#bound
    this.#bound = undefined
    return bound
  }

  [Symbol.dispose](): void {
    this.#bound?.then(
      ({ near, far }) => {
        near.close()
        far?.close()
      },
      () => {},
    )
  }
}
