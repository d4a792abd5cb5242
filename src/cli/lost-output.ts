import { setImmediate } from 'node:timers/promises'
import { KnownError, systemCode } from '../errors.ts'
import { reportError } from './report-error.ts'

/**
 * Does the work although its output is lost: a reader that went away or a full disk under a
 * redirection must not stop it half-way.
 * @returns the exit code of the work; where somebody waits for output that is not whole, that of
 * an error that says so
 */
export async function surviveLostOutput(program: string, work: () => Promise<number>): Promise<number> {
  let lost: Error | undefined
  // Whoever closes a pipe has read enough.
  process.stdout.on('error', (error) => (lost ??= systemCode(error) === 'EPIPE' ? undefined : error))
  process.stderr.on('error', () => {})
  const code = await work()
  // The error of a write is told in the next turn.
  await setImmediate()
  if (code !== 0 || !lost) return code
  const message = `the output could not be written (${systemCode(lost)}); what was asked for is done`
  const hint = 'send the output elsewhere, and run again to see it'
  return reportError(program, new KnownError('task-failed', message, hint, { cause: lost }), process.stderr)
}
