/**
 * A timeout for synchronous work on files that another account can change meanwhile. Such work may
 * never return (a check before it proves nothing about the moment after), and while it runs this
 * process handles no signal and releases no lock. What holds here:
 *
 * 1. Only another thread can measure time then, and only the end of the process stops such
 *    work. So the process is killed: its locks are released, and the next run repairs what any crash leaves.
 * 2. The thread runs a constant text, and prints a message that it got before the work began.
 * 3. Time in which the whole process is stopped (Ctrl-Z, a machine that sleeps) counts as one second.
 * 4. The thread does not keep the process alive, and exists only where there is such work: a thread costs
 *    milliseconds (docs/decisions/0022-start-up.md).
 */
import { Worker } from 'node:worker_threads'
import { printable } from '../../../text/printable.ts'
import type { Rights } from './rights.ts'

/**
 * Longer than all waits of SQLite for a lock in one piece of work: five of 5 s, to read the schema, to check it, to check
 * the pages, to begin and to commit.
 */
const defaultLimitSeconds = 30

/** The thread's program. It shares one number with us: that of the current piece of work, 0 between two pieces. */
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

/** Rights whose work has a timeout. */
export class Watchdog implements Rights {
  readonly #rights: Rights
  readonly #turn = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  #count = 0

  /**
   * Starts the thread.
   * @param what the thing that is read; the message after the timeout begins with it
   */
  constructor(rights: Rights, what: string, hint: string, limitSeconds = defaultLimitSeconds) {
    this.#rights = rights
    const words = printable(
      `${what}: reading it did not end within ${limitSeconds} s, so this run was killed\nhint: ${hint}\n`,
    )
    const workerData = { turn: this.#turn, seconds: limitSeconds, words }
    // The thread gets no flags and no environment of ours, and no standard input that leads through us.
    new Worker(watch, { eval: true, workerData, execArgv: [], env: {}, stdin: false }).unref()
  }

  /** The work must not call this method itself. */
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
