import { type ExitCode, KnownError } from '../errors.ts'
import { standardError } from '../host/output/output.ts'

/**
 * The one place where an error becomes text and an exit code. A known error is its message and its
 * hint; anything else is a bug and shows its stack.
 */
export function reportError(
  program: string,
  error: unknown,
  output: { write(text: string): unknown } = standardError,
): ExitCode {
  if (error instanceof KnownError) {
    output.write(`${program}: ${error.message}\n${error.hint === '' ? '' : `hint: ${error.hint}\n`}`)
    return error.exitCode
  }
  const stack = error instanceof Error ? error.stack : String(error)
  output.write(`${program}: this is a bug, please report it\n${stack}\n`)
  return 1
}
