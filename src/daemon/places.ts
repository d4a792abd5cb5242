import type { Limits } from './limits.ts'

/** Who has how many of the listener's places. */
export class Places {
  readonly #limits: Limits
  readonly #bySource = new Map<string, number>()
  #taken = 0
  #remote = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes a place. @returns why there is none, or undefined */
  take(source: string, isLocal: boolean): string | undefined {
    const { connections, remoteConnections, connectionsPerLocalAddress, connectionsPerRemoteAddress } = this.#limits
    const ofSource = this.#bySource.get(source) ?? 0
    if (ofSource >= (isLocal ? connectionsPerLocalAddress : connectionsPerRemoteAddress))
      return 'has too many connections'
    if (this.#taken >= connections || (!isLocal && this.#remote >= remoteConnections)) return 'found no place left'
    this.#bySource.set(source, ofSource + 1)
    this.#taken += 1
    if (!isLocal) this.#remote += 1
    return undefined
  }

  /** Gives a place back. */
  leave(source: string, isLocal: boolean): void {
    const ofSource = this.#bySource.get(source) ?? 0
    if (ofSource > 1) this.#bySource.set(source, ofSource - 1)
    else this.#bySource.delete(source)
    this.#taken -= 1
    if (!isLocal) this.#remote -= 1
  }
}
