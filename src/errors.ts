/** What is known to go wrong, as the machine-readable `error.code` of the result document. */
export type ErrorCode = keyof typeof exitCodes

/** The one table from error codes to exit codes; the meanings are those of sysexits(3) where it has one. */
const exitCodes = {
  'task-failed': 1,
  'refused-path': 1,
  'database-failed': 1,
  'command-failed': 1,
  'already-running': 1,
  'address-in-use': 1,
  'listener-down': 1,
  'notify-failed': 1,
  usage: 2,
  configuration: 2,
  'database-refused': 2,
  'missing-schema': 2,
  'missing-account': 2,
  'sealed-key': 2,
  'key-conflict': 3,
  'key-damaged': 3,
  'key-lost': 3,
  'key-disproved': 3,
  'key-missing': 3,
  'key-superseded': 3,
  'key-undecryptable': 3,
  'key-in-use': 3,
  preflight: 4,
  'database-unreachable': 75,
  busy: 75,
  interrupted: 130,
  terminated: 143,
} as const

/** An exit code that either program may end with. */
export type ExitCode = 0 | 5 | (typeof exitCodes)[ErrorCode]

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(exitCodes, value)
}

export function isExitCode(value: unknown): value is ExitCode {
  return [0, 5, ...Object.values(exitCodes)].some((code) => code === value)
}

/**
 * A failure that the program understands. It is shown as its message and its hint, never with a
 * stack; whatever else is thrown is a bug and keeps its stack.
 */
export class KnownError extends Error {
  readonly code: ErrorCode
  /** One line that tells what to do about it; empty where the message says all there is to say. */
  readonly hint: string

  /** @param message lower case, with the thing and its place; never a secret */
  constructor(code: ErrorCode, message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'KnownError'
    this.code = code
    this.hint = hint
  }

  get exitCode(): ExitCode {
    return exitCodes[this.code]
  }
}

/** An error as documents of JSON have it. */
export function documentOfError(error: unknown): { code: ErrorCode | 'bug'; message: string; hint: string } {
  if (error instanceof KnownError) return { code: error.code, message: error.message, hint: error.hint }
  return { code: 'bug', message: messageOf(error), hint: 'please report this' }
}

/** The `code` of a Node or MySQL error (`ENOENT`, `ER_BAD_DB_ERROR`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An error for a log that nobody watches: a known one is its message, anything else a bug that needs its stack. */
export function describeError(error: unknown): string {
  if (error instanceof KnownError) return error.message
  return `a bug, please report it: ${error instanceof Error ? error.stack : String(error)}`
}
