/**
 * The slots of the listener, one for each client. No client is refused because all are taken: where a limit is
 * reached (of a source, of other machines, of this machine, or of all), the client that counts for that limit and has
 * been idle longest makes room. As neither side can have all slots, a part stays reserved for each.
 */
import type { Limits } from './limits.ts'
import { Queue, type QueueEntry } from './queue.ts'

/** A client's slot, until it leaves. */
export class Slot<T> {
  readonly who: T
  readonly source: string
  /** When it was busy last, as a number that grows with each use of any slot. */
  busyAt: number
  readonly #entries: readonly QueueEntry<Slot<T>>[]
  #isTaken = true

  constructor(who: T, source: string, busyAt: number, queues: readonly Queue<Slot<T>>[]) {
    this.who = who
    this.source = source
    this.busyAt = busyAt
    this.#entries = queues.map((queue) => queue.join(this))
  }

  touch(busyAt: number): void {
    if (!this.#isTaken) return
    this.busyAt = busyAt
    for (const entry of this.#entries) entry.moveToEnd()
  }

  leave(): void {
    if (!this.#isTaken) return
    this.#isTaken = false
    for (const entry of this.#entries) entry.leave()
  }
}

type SlotQueue<T> = Queue<Slot<T>>

export class Slots<T> {
  readonly #limits: Limits
  /** The programs of this machine are one source, whichever of its addresses they come from. */
  readonly #near: SlotQueue<T> = new Queue()
  readonly #remote: SlotQueue<T> = new Queue()
  readonly #bySource = new Map<string, SlotQueue<T>>()
  #moment = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#near.length + this.#remote.length
  }

  /**
   * Takes a slot.
   * @param source its plain address
   * @returns the slot, and the client that had to make room for it
   */
  take(who: T, source: string, isNear: boolean): { slot: Slot<T>; outgoing: T | undefined } {
    const outgoing = this.#findRoom(source, isNear)
    if (outgoing) this.leave(outgoing)
    const queues = isNear ? [this.#near] : [this.#remote, this.#queueOf(source)]
    return { slot: new Slot(who, source, this.#nextMoment(), queues), outgoing: outgoing?.who }
  }

  /** Marks the client as busy just now. */
  touch(slot: Slot<T>): void {
    slot.touch(this.#nextMoment())
  }

  /** Gives the slot back; once more does nothing. */
  leave(slot: Slot<T>): void {
    slot.leave()
    if (this.#bySource.get(slot.source)?.length === 0) this.#bySource.delete(slot.source)
  }

  /** The slot whose client has to make room; undefined where a slot is free. */
  #findRoom(source: string, isNear: boolean): Slot<T> | undefined {
    const { connections, nearConnections, remoteConnections, connectionsPerRemoteAddress } = this.#limits
    const ofSource = isNear ? undefined : this.#bySource.get(source)
    if (ofSource && ofSource.length >= connectionsPerRemoteAddress) return ofSource.first
    const [side, most] = isNear ? [this.#near, nearConnections] : [this.#remote, remoteConnections]
    if (side.length >= most) return side.first
    if (this.taken < connections) return undefined
    const [near, remote] = [this.#near.first, this.#remote.first]
    return near && remote && near.busyAt > remote.busyAt ? remote : (near ?? remote)
  }

  #queueOf(source: string): SlotQueue<T> {
    const queue = this.#bySource.get(source) ?? new Queue()
    this.#bySource.set(source, queue)
    return queue
  }

  #nextMoment(): number {
    this.#moment += 1
    return this.#moment
  }
}
