import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../errors.ts'
import { backoff } from '../host/waiting.ts'
import type { Verified } from '../keycheck/verify-key.ts'

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
  const nextPauseMs = backoff()
  while (!stop.aborted) {
    try {
      return await verify(stop)
    } catch (error) {
      if (stop.aborted) break
      if (!(error instanceof KnownError) || !['database-unreachable', 'busy'].includes(error.code)) throw error
      await tell(error.message)
      await sleep(nextPauseMs(), undefined, { signal: stop }).catch(() => {})
    }
  }
  return undefined
}
