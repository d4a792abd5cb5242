import type { Agents } from '../agents.ts'
import type { StatusReport } from '../status-report.ts'

/** What a command can tell of. */
export interface Subject {
  readonly agents: Agents
  report(): StatusReport
  /** Makes known that somebody asked for what the original does and this daemon does not. @param word names it */
  tellMissing(word: string): void
}

/** Who gives a command. */
export interface Client {
  /** Its plain address. */
  readonly source: string
  /** It is an agent from now on, which stays connected: a longer silence is no silence of it. */
  becomeAgent(): void
}

/** A command of the listener; a new one is a new file and a line in table.ts. */
export interface Command {
  name: string
  /** Who may give it: everybody who may speak, or only programs of this machine. */
  from: 'anywhere' | 'loopback'
  /**
   * The answer, one line without its newline, UTF-8, a byte a character; undefined where nobody waits for
   * one. It is made at once: whoever waits is never waited for.
   * @param line as it was sent, without its end
   */
  answer(subject: Subject, line: string, client: Client): string | undefined
}
