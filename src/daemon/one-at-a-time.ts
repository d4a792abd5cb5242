/** Runs work that signals ask for: one run at a time, and one more run where it was asked for meanwhile. */
export class OneAtATime implements AsyncDisposable {
  readonly #work: (isLast: () => boolean) => Promise<void>
  #running: Promise<void> | undefined
  #again = false

  /** @param work must not reject; it can ask whether another run follows at once */
  constructor(work: (isLast: () => boolean) => Promise<void>) {
    this.#work = work
  }

  ask(): void {
    this.#again = true
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false
      await this.#work(() => !this.#again)
    }
    this.#running = undefined
  }

  /** Waits for the current run to end; no other one follows. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#again = false
    await this.#running
  }
}
