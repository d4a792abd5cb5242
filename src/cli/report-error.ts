import { type ExitCode, KnownError } from '../errors.ts'
import { standardError } from '../host/output/output.ts'
import type { ProgramName } from '../product/own-program.ts'
import { wrapTo } from '../text/wrap.ts'
import type { Options } from './option.ts'
import { daemonOptions, setupOptions } from './options.ts'

/** Both programs, and the options that each knows. */
const programs: Readonly<Record<ProgramName, Options>> = { frameworkd: daemonOptions, 'frameworkd-setup': setupOptions }

/**
 * The one place where an error becomes text and an exit code. A known error is its message and its
 * hint; anything else is a bug and shows its stack.
 */
export function reportError(
  program: ProgramName,
  error: unknown,
  output: {
    write(text: string): unknown
    readonly terminal?: { readonly columns?: number } | undefined
  } = standardError,
): ExitCode {
  if (error instanceof KnownError) {
    const text = `${program}: ${error.message}\n${error.hint === '' ? '' : `hint: ${hintOf(program, error.hint)}\n`}`
    output.write(output.terminal ? wrapTo(output.terminal)(text, 0) : text)
    return error.exitCode
  }
  const stack = error instanceof Error ? error.stack : String(error)
  output.write(`${program}: this is a bug, please report it\n${stack}\n`)
  return 1
}

/**
 * Code that both programs share has one hint for both. Where it names an option of the other program only, that is
 * added.
 */
function hintOf(program: ProgramName, hint: string): string {
  const other = program === 'frameworkd' ? 'frameworkd-setup' : 'frameworkd'
  const foreign = new Set(hint.match(/(?<![\w-])--[a-z][a-z-]*/g))
  for (const flag of foreign) {
    const name = flag.slice(2)
    if (Object.hasOwn(programs[program], name) || !Object.hasOwn(programs[other], name)) foreign.delete(flag)
  }
  const namesOther = new RegExp(`(?<![\\w-])${other}(?![\\w-])`).test(hint)
  if (foreign.size === 0 || namesOther) return hint
  return `${hint} (${foreign.size === 1 ? 'an option' : 'options'} of ${other})`
}
