import type { Settings } from '../../settings/resolve.ts'
import { type BoundServers, bindEarly } from './bind.ts'

/** Ports below need root (ip(7), ip_unprivileged_port_start). */
const firstUnprivilegedPort = 1024

/**
 * Binds a privileged port while we are root. An error is kept until the socket is taken: a second daemon shall
 * fail with "already running", and not with "port taken".
 */
export class EarlyBinding implements Disposable {
  readonly #settings: Settings
  #bound: Promise<BoundServers> | undefined

  private constructor(settings: Settings, bound: Promise<BoundServers> | undefined) {
    this.#settings = settings
    this.#bound = bound
  }

  /**
   * Binds if we are root and the port needs it. @param settings without the rows of table config, which are not read
   * yet
   */
  static async make(settings: Settings, privileged: boolean): Promise<EarlyBinding> {
    const { listenAddress, port, listener, sources } = settings
    const isWanted = privileged && listener && port < firstUnprivilegedPort && sources.port !== 'default'
    const bound = isWanted ? bindEarly(listenAddress, port) : undefined
    await Promise.allSettled([bound])
    return new EarlyBinding(settings, bound)
  }

  /**
   * Hands the socket over, once, to whoever listens on its address and port.
   * @throws KnownError the error of the bind
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
