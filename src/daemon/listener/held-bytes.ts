import { type Standing, WaitingLine } from './waiting-line.ts'

/** How many bytes clients make us hold, and which of them has done so for longest. */
export class HeldBytes<T> {
  readonly #line = new WaitingLine<T>()
  readonly #holders = new Map<T, { bytes: number; standing: Standing<T> }>()
  total = 0

  /** Who has made us hold something for longest. */
  get first(): T | undefined {
    return this.#line.first
  }

  /** Somebody makes us hold so many bytes from now on. */
  set(who: T, bytes: number): void {
    const holder = this.#holders.get(who)
    this.total += bytes - (holder?.bytes ?? 0)
    if (holder && bytes > 0) {
      holder.bytes = bytes
    } else if (holder) {
      holder.standing.leave()
      this.#holders.delete(who)
    } else if (bytes > 0) {
      this.#holders.set(who, { bytes, standing: this.#line.join(who) })
    }
  }
}
