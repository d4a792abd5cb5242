/** The agents of sensors that are connected now; one an address: whoever connects again takes the place of its last. */
export interface Agent {
  /** What it calls itself. */
  readonly id: string
  readonly address: string
}

export class Agents {
  /** In the order of their addresses, always: whoever asks for the list again and again costs no sorting. */
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
