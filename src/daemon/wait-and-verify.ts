import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../errors.ts'
import type { Verified } from '../keycheck/verify-key.ts'

const firstPauseMs = 250
const longestPauseMs = 10_000

/**
 * Makes the checks as often as it takes the database to answer.
 * @param tell gets what we wait for, once an attempt
 * @returns undefined when the signal came first
 * @throws KnownError whatever waiting does not mend
 */
export async function waitAndVerify(
  verify: (signal: AbortSignal) => Promise<Verified>,
  tell: (waitsFor: string) => Promise<void>,
  stop: AbortSignal,
): Promise<Verified | undefined> {
  for (let pauseMs = firstPauseMs; !stop.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await verify(stop)
    } catch (error) {
      if (stop.aborted) break
      if (!(error instanceof KnownError) || !['database-unreachable', 'busy'].includes(error.code)) throw error
      await tell(error.message)
      const jitter = 0.75 + Math.random() / 2
      await sleep(pauseMs * jitter, undefined, { signal: stop }).catch(() => {})
    }
  }
  return undefined
}
