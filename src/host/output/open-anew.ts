import { constants, openSync } from 'node:fs'

/**
 * Others have the pipe or terminal that we inherited too. It is opened anew, so that not waiting for it is
 * our own business. A socket cannot be opened so.
 * @returns a descriptor for writing that never waits; undefined where it may not be opened
 */
export function openAnew(inherited: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${inherited}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}
