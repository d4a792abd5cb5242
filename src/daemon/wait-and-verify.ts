import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../errors.ts'
import { backoff } from '../host/waiting.ts'
import type { Verification } from '../keycheck/verify-key.ts'

/** After this long a first attempt counts as waiting, so that `frameworkd status` and `stop` find the daemon. */
const slowAfterMs = 250

/** Gets what we wait for, once for each attempt; undefined while the first attempt takes long. */
type Tell = (waitsFor: string | undefined) => Promise<void>

/**
 * Repeats the checks until the database answers.
 * @returns undefined when the signal came first
 * @throws KnownError for an error that waiting does not repair
 */
export async function waitAndVerify(
  verify: (signal: AbortSignal) => Promise<Verification>,
  tell: Tell,
  stop: AbortSignal,
): Promise<Verification | undefined> {
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

async function tellIfSlow(...[verify, tell, stop]: Parameters<typeof waitAndVerify>): Promise<Verification> {
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
