import type { StatusReport } from './status.ts'

/** What a command can tell of. */
export interface Subject {
  report(): StatusReport
}

/** A command of the listener; a new one is a new file and a line in table.ts. */
export interface Command {
  name: string
  /** Who may give it: everybody who may speak, or only programs of this machine. */
  from: 'anywhere' | 'loopback'
  /** The answer, one line without its newline, UTF-8, a byte a character. It is made at once: whoever waits is never waited for. */
  answer(subject: Subject): string
}
