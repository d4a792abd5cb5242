/** The agents of sensors that are connected now; one an address: whoever connects again takes the place of its last. */
export interface Agent {
  /** What it calls itself. */
  readonly id: string
  readonly address: string
}

export class Agents {
  readonly #byAddress = new Map<string, { id: string; who: object }>()

  /** In the order of their addresses. */
  get connected(): Agent[] {
    return [...this.#byAddress]
      .map(([address, { id }]) => ({ id, address }))
      .sort((one, other) => (one.address < other.address ? -1 : 1))
  }

  /** @param who its connection */
  connect(who: object, address: string, id: string): void {
    this.#byAddress.set(address, { id, who })
  }

  /** Its connection has ended. */
  leave(who: object, address: string): void {
    if (this.#byAddress.get(address)?.who === who) this.#byAddress.delete(address)
  }
}
