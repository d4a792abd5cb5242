import type { Logs } from './logs.ts'

/** Sources that are told one by one in an interval; further ones are told as a number. */
const mostSources = 32
const everyMs = 10_000

/**
 * Logs who was refused: the first time of a source at once, how often more at the end of the
 * interval. However many there are, the memory and the lines stay few.
 */
export class Refusals implements Disposable {
  readonly #logs: Logs
  readonly #bySource = new Map<string, { message: string; more: number }>()
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
    const known = this.#bySource.get(source)
    if (known) known.more += 1
    else if (this.#bySource.size >= mostSources) this.#others += 1
    else {
      const message = `${source} ${what}`
      this.#bySource.set(source, { message, more: 0 })
      this.#logs.warning(message)
    }
  }

  [Symbol.dispose](): void {
    this.#tellRest()
  }

  #tellRest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { message, more } of this.#bySource.values()) {
      if (more > 0) this.#logs.warning(`${message} (and ${more} times more was refused)`)
    }
    if (this.#others > 0) this.#logs.warning(`Clients of other addresses were refused ${this.#others} times`)
    this.#bySource.clear()
    this.#others = 0
  }
}
