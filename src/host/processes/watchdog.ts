/**
 * An end for synchronous work on what another account can change while we look at it. Such work may
 * never return (a look before it proves nothing about the moment after), and while it runs this
 * process hears no signal and gives back no lock. What holds here:
 *
 * 1. Only another thread can tell the time then, and nothing but the end of the process stops such
 *    work. It is killed: its locks die with it, and the next run repairs what any crash leaves.
 * 2. The thread runs a constant text, and shows the words that it got before the work began.
 * 3. Time in which the whole process stands still (Ctrl-Z, a machine that sleeps) counts as one step.
 * 4. It keeps nobody from ending, and is there only where there is such work: a thread costs
 *    milliseconds (docs/decisions/0022-start-up.md).
 */
import { Worker } from 'node:worker_threads'
import { printable } from '../../text/printable.ts'
import type { Rights } from './rights.ts'

/** Above what SQLite waits for a lock, several times over. */
const defaultLimitSeconds = 15

/** What is shared: the number of the work that is done now; 0 between two. */
const watch = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { turn, seconds, words } = workerData
const end = () => {
  try { writeSync(2, words) } finally { process.kill(process.pid, 'SIGKILL') }
}
for (;;) {
  Atomics.wait(turn, 0, 0)
  const now = Atomics.load(turn, 0)
  for (let left = seconds; now !== 0 && Atomics.wait(turn, 0, now, 1000) === 'timed-out'; left -= 1) if (left <= 1) end()
}`

/** Rights whose work has an end. */
export class Watchdog implements Rights {
  readonly #rights: Rights
  readonly #turn = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  #count = 0

  /**
   * Starts the thread.
   * @param what the work is done on, for people; what is said when time is up begins with it
   */
  constructor(rights: Rights, what: string, hint: string, limitSeconds = defaultLimitSeconds) {
    this.#rights = rights
    const words = printable(
      `${what}: reading it did not end within ${limitSeconds} s, so this run was killed\nhint: ${hint}\n`,
    )
    const workerData = { turn: this.#turn, seconds: limitSeconds, words }
    // It inherits nothing: no flags and no environment of ours, and no standard streams that lead through us.
    new Worker(watch, { eval: true, workerData, execArgv: [], env: {}, stdin: false }).unref()
  }

  /** The work may not call this again. */
  run<T>(work: () => T): T {
    this.#count = (this.#count % 0x7fffffff) + 1
    this.#set(this.#count)
    try {
      return this.#rights.run(work)
    } finally {
      this.#set(0)
    }
  }

  #set(value: number): void {
    Atomics.store(this.#turn, 0, value)
    Atomics.notify(this.#turn, 0)
  }
}
