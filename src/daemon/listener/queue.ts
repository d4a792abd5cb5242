/** A queue whose entries can move to its end, or leave, in constant time: a linked list. */
export class Queue<T> {
  /** The list is a ring: this element stands behind the last entry and before the first one. */
  readonly ends: Neighbours = newRing()
  length = 0

  get first(): T | undefined {
    return this.ends.after instanceof QueueEntry ? this.ends.after.who : undefined
  }

  /** Adds an entry at the end. */
  join(who: T): QueueEntry<T> {
    return new QueueEntry(who, this)
  }
}

interface Neighbours {
  before: Neighbours
  after: Neighbours
}

/** An entry of a queue. */
export class QueueEntry<T> implements Neighbours {
  readonly who: T
  readonly #queue: Queue<T>
  before: Neighbours
  after: Neighbours

  constructor(who: T, queue: Queue<T>) {
    this.who = who
    this.#queue = queue
    this.before = queue.ends
    this.after = queue.ends
    this.#insert()
    queue.length += 1
  }

  moveToEnd(): void {
    this.#remove()
    this.#insert()
  }

  /** Removes the entry; called at most once. */
  leave(): void {
    this.#remove()
    this.#queue.length -= 1
  }

  #insert(): void {
    const { ends } = this.#queue
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
