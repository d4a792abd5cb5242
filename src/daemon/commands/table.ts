import type { Command } from './command.ts'
import { ping } from './ping.ts'
import { status } from './status.ts'

/** Every command of the listener, by name. */
export const commands: ReadonlyMap<string, Command> = new Map([ping, status].map((command) => [command.name, command]))
