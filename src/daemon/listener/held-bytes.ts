import { Queue, type QueueEntry } from './queue.ts'

/** Counts the bytes that clients make us hold, and knows which client has done so for longest. */
export class HeldBytes<T> {
  readonly #queue = new Queue<T>()
  readonly #holders = new Map<T, { bytes: number; entry: QueueEntry<T> }>()
  total = 0

  /** The client that has made us hold something for longest. */
  get first(): T | undefined {
    return this.#queue.first
  }

  /** Sets how many bytes a client makes us hold from now on. */
  set(who: T, bytes: number): void {
    const holder = this.#holders.get(who)
    this.total += bytes - (holder?.bytes ?? 0)
    if (holder && bytes > 0) {
      holder.bytes = bytes
    } else if (holder) {
      holder.entry.leave()
      this.#holders.delete(who)
    } else if (bytes > 0) {
      this.#holders.set(who, { bytes, entry: this.#queue.join(who) })
    }
  }
}
