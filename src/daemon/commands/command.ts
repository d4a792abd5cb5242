/** A command of the listener; a new one is a new file and a line in the table of listener.ts. */
export interface Command {
  name: string
  /** The answer, without the newline. */
  answer(): string
}
