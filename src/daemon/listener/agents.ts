/** An agent of a sensor that is connected now. */
export interface Agent {
  /** The name that it gave itself. */
  readonly id: string
  readonly address: string
}

/** The agents that are connected, one for each address: an agent that connects again replaces its earlier entry. */
export class Agents {
  /** Always sorted by address, so that a client that asks for the list again and again causes no sorting. */
  readonly #agents: (Agent & { who: object })[] = []

  /** In the order of their addresses. */
  get connected(): readonly Agent[] {
    return this.#agents
  }

  /** @param who its connection */
  connect(who: object, address: string, id: string): void {
    const { at, isThere } = this.#find(address)
    this.#agents.splice(at, isThere ? 1 : 0, { id, address, who })
  }

  /** Its connection has ended. */
  leave(who: object, address: string): void {
    const { at } = this.#find(address)
    if (this.#agents[at]?.who === who) this.#agents.splice(at, 1)
  }

  /** Where the agent of an address is, or would be. */
  #find(address: string): { at: number; isThere: boolean } {
    let [from, to] = [0, this.#agents.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#agents[middle]?.address ?? '') < address) from = middle + 1
      else to = middle
    }
    return { at: from, isThere: this.#agents[from]?.address === address }
  }
}
