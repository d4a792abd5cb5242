import { KnownError, systemCode } from '../errors.ts'
import { standardError, standardOutput } from '../host/output/output.ts'
import { exitWithoutThreads } from '../host/processes/exit.ts'
import type { ProgramName } from '../product/own-program.ts'
import { reportError } from './report-error.ts'

/**
 * Does the work even where its output is lost: a reader that went away or a full disk under a
 * redirection must not stop it half-way.
 * @returns the exit code of the work; where the output is incomplete, that of an error which says so
 */
export async function surviveLostOutput(program: ProgramName, work: () => Promise<number>): Promise<number> {
  exitWithoutThreads()
  let code = await work()
  const lost = await standardOutput.settle()
  if (code === 0 && lost) {
    const message = `the output could not be written (${systemCode(lost)}); what was asked for is done`
    const hint = 'send the output elsewhere, and run again to see it'
    code = reportError(program, new KnownError('task-failed', message, hint, { cause: lost }))
  }
  await standardError.settle()
  return code
}
