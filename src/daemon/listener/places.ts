/**
 * Who has the listener's places. Nobody is refused for want of one: where a limit is reached, of a
 * source, of other machines, of this machine, or of all, the client that counts for that limit and has
 * been idle longest makes room. As neither side can have all places, a part stays reserved for each.
 */
import type { Limits } from './limits.ts'
import { type Standing, WaitingLine } from './waiting-line.ts'

/** A client's place, until it leaves. */
export class Place<T> {
  readonly who: T
  readonly source: string
  /** When it was busy last: a number that only grows. */
  busyAt: number
  readonly #standings: readonly Standing<Place<T>>[]
  #isTaken = true

  constructor(who: T, source: string, busyAt: number, lines: readonly WaitingLine<Place<T>>[]) {
    this.who = who
    this.source = source
    this.busyAt = busyAt
    this.#standings = lines.map((line) => line.join(this))
  }

  touch(busyAt: number): void {
    if (!this.#isTaken) return
    this.busyAt = busyAt
    for (const standing of this.#standings) standing.moveToEnd()
  }

  leave(): void {
    if (!this.#isTaken) return
    this.#isTaken = false
    for (const standing of this.#standings) standing.leave()
  }
}

type Line<T> = WaitingLine<Place<T>>

export class Places<T> {
  readonly #limits: Limits
  /** The programs of this machine are one source, whichever of its addresses they come from. */
  readonly #near: Line<T> = new WaitingLine()
  readonly #remote: Line<T> = new WaitingLine()
  readonly #bySource = new Map<string, Line<T>>()
  #moment = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#near.length + this.#remote.length
  }

  /**
   * Takes a place.
   * @param source its plain address
   * @returns the place, and who had to make room for it
   */
  take(who: T, source: string, isNear: boolean): { place: Place<T>; outgoing: T | undefined } {
    const outgoing = this.#findRoom(source, isNear)
    if (outgoing) this.leave(outgoing)
    const lines = isNear ? [this.#near] : [this.#remote, this.#lineOf(source)]
    return { place: new Place(who, source, this.#nextMoment(), lines), outgoing: outgoing?.who }
  }

  /** It was busy just now. */
  touch(place: Place<T>): void {
    place.touch(this.#nextMoment())
  }

  /** Gives the place back; once more does nothing. */
  leave(place: Place<T>): void {
    place.leave()
    if (this.#bySource.get(place.source)?.length === 0) this.#bySource.delete(place.source)
  }

  /** Who has to make room, if anybody. */
  #findRoom(source: string, isNear: boolean): Place<T> | undefined {
    const { connections, nearConnections, remoteConnections, connectionsPerRemoteAddress } = this.#limits
    const ofSource = isNear ? undefined : this.#bySource.get(source)
    if (ofSource && ofSource.length >= connectionsPerRemoteAddress) return ofSource.first
    const [side, most] = isNear ? [this.#near, nearConnections] : [this.#remote, remoteConnections]
    if (side.length >= most) return side.first
    if (this.taken < connections) return undefined
    const [near, remote] = [this.#near.first, this.#remote.first]
    return near && remote && near.busyAt > remote.busyAt ? remote : (near ?? remote)
  }

  #lineOf(source: string): Line<T> {
    const line = this.#bySource.get(source) ?? new WaitingLine()
    this.#bySource.set(source, line)
    return line
  }

  #nextMoment(): number {
    this.#moment += 1
    return this.#moment
  }
}
