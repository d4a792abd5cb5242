import { setImmediate } from 'node:timers/promises'
import { systemCode } from '../errors.ts'

/**
 * Does the work although its output is lost: a reader that went away or a full disk under a
 * redirection must not stop it half-way.
 * @returns the exit code of the work; 1 instead of 0 where somebody waits for output that is not whole
 */
export async function surviveLostOutput(work: () => Promise<number>): Promise<number> {
  let isIncomplete = false
  const onError = (error: Error) => {
    // Whoever closes a pipe has read enough.
    isIncomplete ||= systemCode(error) !== 'EPIPE'
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onError)
  const code = await work()
  // The error of a write is told in the next turn.
  await setImmediate()
  return code === 0 && isIncomplete ? 1 : code
}
