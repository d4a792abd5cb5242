import type { Logs } from '../logs/logs.ts'

/** Sources that are logged one by one in an interval; for further ones only their number is logged. */
const mostSources = 32
const everyMs = 10_000

/**
 * Logs refused clients: the first refusal of a source at once, the number of further ones at the end of the
 * interval. Memory and log lines stay limited, however many clients come.
 */
export class Refusals implements Disposable {
  readonly #logs: Logs
  /** The number of refusals after the first one, which was logged. */
  readonly #bySource = new Map<string, number>()
  #others = 0
  #total = 0
  #timer: NodeJS.Timeout | undefined

  constructor(logs: Logs) {
    this.#logs = logs
  }

  get total(): number {
    return this.#total
  }

  /** @param what completes a sentence that begins with the source */
  tell(source: string, what: string): void {
    this.#total += 1
    this.#timer ??= setTimeout(() => this.#tellRest(), everyMs).unref()
    const more = this.#bySource.get(source)
    if (more !== undefined) this.#bySource.set(source, more + 1)
    else if (this.#bySource.size >= mostSources) this.#others += 1
    else {
      this.#bySource.set(source, 0)
      this.#logs.warning(`${source} ${what}`)
    }
  }

  [Symbol.dispose](): void {
    this.#tellRest()
  }

  #tellRest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [source, more] of this.#bySource) {
      if (more > 0) this.#logs.warning(`${source} was refused ${more} times more`)
    }
    if (this.#others > 0) this.#logs.warning(`Clients of other addresses were refused ${this.#others} times`)
    this.#bySource.clear()
    this.#others = 0
  }
}
