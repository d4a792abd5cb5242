import type { Agents } from '../agents.ts'
import type { StatusReport } from '../status-report.ts'

/** What a command can report about: the listener, its agents and the daemon. */
export interface Subject {
  readonly agents: Agents
  report(): StatusReport
  /** Logs that a client asked for something that the original does and this daemon does not. @param word its name */
  tellMissing(word: string): void
}

/** The client that sent a command. */
export interface Client {
  /** Its plain address. */
  readonly source: string
  /** Treats it as an agent from now on: it stays connected, and may be silent for longer. */
  becomeAgent(): void
}

/** A command of the listener; a new one is a new file and a line in table.ts. */
export interface Command {
  name: string
  /** Who may send it: every client that may send commands, or only programs on this machine. */
  from: 'anywhere' | 'loopback'
  /**
   * The answer: one line without its newline, UTF-8 as a byte text (one character for each byte); undefined where the
   * client waits for none. It is not async: no command may make other clients wait.
   * @param line as it was sent, without its end
   */
  answer(subject: Subject, line: string, client: Client): string | undefined
}
