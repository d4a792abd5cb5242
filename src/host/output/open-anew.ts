import { constants, openSync } from 'node:fs'

/**
 * Opens the pipe or terminal that we inherited once more. Other programs share the inherited descriptor, and would
 * get non-blocking writes, too, if we changed that one. A socket cannot be opened in this way.
 * @returns a non-blocking descriptor for writing; undefined where it may not be opened
 */
export function openAnew(inherited: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${inherited}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}
