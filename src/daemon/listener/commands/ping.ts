import type { Command } from './command.ts'

export const ping: Command = { name: 'ping', from: 'anywhere', answer: () => 'pong' }
