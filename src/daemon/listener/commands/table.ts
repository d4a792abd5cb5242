import type { Command } from './command.ts'
import { ossimCommands } from './ossim.ts'
import { ping } from './ping.ts'
import { status } from './status.ts'

/** The commands that are a whole line, by name. */
const wholeLines: ReadonlyMap<string, Command> = new Map([ping, status].map((command) => [command.name, command]))
/** The commands with arguments, by their first word. */
const firstWords: ReadonlyMap<string, Command> = new Map(ossimCommands.map((command) => [command.name, command]))

/** The command that a line is. @param line without its end */
export function findCommand(line: string): Command | undefined {
  return wholeLines.get(line) ?? firstWords.get(/^[a-z_]{1,32}(?=\s|$)/.exec(line)?.[0] ?? '')
}
