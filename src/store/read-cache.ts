/** Keeps what was read once, or is being read, until it is told to forget. An error is not kept. */
export class ReadCache<T> {
  #reading: Promise<T> | undefined

  recall(read: () => Promise<T>): Promise<T> {
    if (this.#reading) return this.#reading
    const reading = read()
    this.#reading = reading
    reading.catch(() => {
      if (this.#reading === reading) this.forget()
    })
    return reading
  }

  forget(): void {
    this.#reading = undefined
  }
}
