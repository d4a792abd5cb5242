/** Waiting for other programs: for a file that they write, a process that ends, a server that comes up. */
import { setTimeout as sleep } from 'node:timers/promises'

interface PollOptions {
  /** Milliseconds between two looks. Absent: 20, for a look at a file or a process of this machine. */
  everyMs?: number
  signal: AbortSignal
}

/** What a look found: neither false nor undefined. */
type Found<T> = Exclude<Awaited<T>, false | undefined>

/**
 * Looks, at least once, and again until something is there.
 * @param look returns false or undefined while nothing is there; its error ends the wait
 * @param options with `limitMs`, it is given up after so many milliseconds
 * @returns what was found; undefined when the time was up first
 * @throws the signal's reason
 */
export function poll<T>(look: () => T, options: PollOptions & { limitMs: number }): Promise<Found<T> | undefined>
export function poll<T>(look: () => T, options: PollOptions): Promise<Found<T>>
export async function poll<T>(
  look: () => T,
  { everyMs = 20, limitMs = Number.POSITIVE_INFINITY, signal }: PollOptions & { limitMs?: number },
): Promise<Found<T> | undefined> {
  const begun = performance.now()
  for (;;) {
    const found = await look()
    if (found !== false && found !== undefined) return found as Found<T>
    if (performance.now() - begun >= limitMs) return undefined
    await sleep(everyMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

const firstPauseMs = 250
const longestPauseMs = 10_000

/**
 * The pauses between attempts at a server that does not answer.
 * @returns a function that gives the next pause, in milliseconds: twice as long each time up to a limit, and randomly
 *   up to a quarter more or less, so that not all machines of one server come back at the same moment
 */
export function backoff(): () => number {
  let nextMs = firstPauseMs
  return () => {
    const pauseMs = nextMs * (0.75 + Math.random() / 2)
    nextMs = Math.min(nextMs * 2, longestPauseMs)
    return pauseMs
  }
}

/** A time that several attempts have together, with growing pauses between them. It runs from the construction on. */
export class AttemptTime {
  readonly #begun = process.hrtime.bigint()
  readonly #nextPauseMs = backoff()

  /** Milliseconds that are left of so many seconds; 0 or less when they are over. */
  leftMs(limitSeconds: number): number {
    return limitSeconds * 1000 - Number(process.hrtime.bigint() - this.#begun) / 1e6
  }

  /** Waits for the next attempt, not longer than time is left. @throws the signal's reason */
  async pause(limitSeconds: number, signal: AbortSignal): Promise<void> {
    const pauseMs = Math.max(0, Math.min(this.#nextPauseMs(), this.leftMs(limitSeconds)))
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
