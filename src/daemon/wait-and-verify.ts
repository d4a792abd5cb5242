import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../errors.ts'
import { backoff } from '../host/waiting.ts'
import type { Verified } from '../keycheck/verify-key.ts'

/** Whoever looks for us then is to find us, although nothing has failed. */
const slowAfterMs = 250

/** Gets what we wait for, once an attempt; undefined where the first one takes long. */
type Tell = (waitsFor: string | undefined) => Promise<void>

/**
 * Makes the checks as often as it takes the database to answer.
 * @returns undefined when the signal came first
 * @throws KnownError whatever waiting does not mend
 */
export async function waitAndVerify(
  verify: (signal: AbortSignal) => Promise<Verified>,
  tell: Tell,
  stop: AbortSignal,
): Promise<Verified | undefined> {
  let attempt = () => tellIfSlow(verify, tell, stop)
  const nextPauseMs = backoff()
  while (!stop.aborted) {
    try {
      return await attempt()
    } catch (error) {
      if (stop.aborted) break
      if (!(error instanceof KnownError) || !['database-unreachable', 'busy'].includes(error.code)) throw error
      await tell(error.message)
      await sleep(nextPauseMs(), undefined, { signal: stop }).catch(() => {})
    }
    attempt = () => verify(stop)
  }
  return undefined
}

async function tellIfSlow(...[verify, tell, stop]: Parameters<typeof waitAndVerify>): Promise<Verified> {
  const giveUp = new AbortController()
  const checks = verify(AbortSignal.any([stop, giveUp.signal]))
  const ended = checks.then(
    () => 'ended',
    () => 'ended',
  )
  try {
    if ((await Promise.race([ended, sleep(slowAfterMs, 'slow', { ref: false })])) === 'slow') await tell(undefined)
  } catch (error) {
    giveUp.abort()
    await ended
    throw error
  }
  return checks
}
