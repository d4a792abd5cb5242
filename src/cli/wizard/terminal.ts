/**
 * How the wizard speaks with a person. Two ways: prompts that draw (inquirer), and plain lines for
 * terminals that cannot move the cursor. Both give up with the program's signal, and where the
 * terminal itself has gone.
 */
import { KnownError } from '../../errors.ts'

/** What is asked; an answer that is not accepted is asked again with the reason. */
export interface Question {
  message: string
  /** Taken for an empty answer. */
  fallback?: string
  /** Where the fallback comes from. */
  source?: string
  /** @returns why the answer cannot be taken; undefined when it can */
  refuse(answer: string): string | undefined
}

export interface Choice<T> {
  value: T
  /** In lines of their own where it does not fit into so many columns. */
  name: string | ((columns: number) => string)
  /** What stands behind the question when it is answered; the name where it is absent. */
  short?: string
}

/** A name as it is shown behind what a terminal puts before it. */
export function nameOf({ name }: Choice<unknown>, columns: number, before: number): string {
  return typeof name === 'string' ? name : name(columns - before).replaceAll('\n', `\n${' '.repeat(before)}`)
}

export interface Terminal {
  say(text: string): void
  ask(question: Question): Promise<string>
  /** Asks without showing what is typed. */
  askSecret(question: Pick<Question, 'message' | 'refuse'>): Promise<string>
  /** The first choice is the one for an empty answer, unless `start` names another. */
  choose<T>(message: string, choices: readonly Choice<T>[], start?: T): Promise<T>
}

/**
 * A question that is answered with yes or no. An empty answer is no, which has to be the harmless one.
 * @param question without its end, such as `Make these changes?`
 */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  const refuse = (text: string) => (/^(y|yes|n|no)?$/i.test(text.trim()) ? undefined : 'y or n is needed')
  const answer = await terminal.ask({ message: `${question} (y/N)`, refuse })
  return /^y/i.test(answer.trim())
}

/** A person pressed Ctrl-C or chose to stop, before anything was changed. */
export function stoppedByPerson(): KnownError {
  return new KnownError('interrupted', 'stopped, nothing was changed', '')
}
