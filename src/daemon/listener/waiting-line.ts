/** Who stands in a line, in the order of coming to its end. Each step takes the same time, however many there are. */
export class WaitingLine<T> {
  /** A ring: what comes after the last is where the first comes after. */
  readonly ends: Neighbours = newRing()
  length = 0

  get first(): T | undefined {
    return this.ends.after instanceof Standing ? this.ends.after.who : undefined
  }

  /** Puts somebody at the end. */
  join(who: T): Standing<T> {
    return new Standing(who, this)
  }
}

interface Neighbours {
  before: Neighbours
  after: Neighbours
}

/** Where somebody stands in a line. */
export class Standing<T> implements Neighbours {
  readonly who: T
  readonly #line: WaitingLine<T>
  before: Neighbours
  after: Neighbours

  constructor(who: T, line: WaitingLine<T>) {
    this.who = who
    this.#line = line
    this.before = line.ends
    this.after = line.ends
    this.#insert()
    line.length += 1
  }

  moveToEnd(): void {
    this.#remove()
    this.#insert()
  }

  /** Once only. */
  leave(): void {
    this.#remove()
    this.#line.length -= 1
  }

  #insert(): void {
    const { ends } = this.#line
    this.before = ends.before
    this.after = ends
    ends.before.after = this
    ends.before = this
  }

  #remove(): void {
    this.before.after = this.after
    this.after.before = this.before
  }
}

function newRing(): Neighbours {
  const ends = {} as Neighbours
  ends.before = ends
  ends.after = ends
  return ends
}
