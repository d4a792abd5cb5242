import type { Command } from './command.ts'

export const status: Command = {
  name: 'status',
  from: 'loopback',
  answer: (subject) => Buffer.from(JSON.stringify(subject.report())).toString('latin1'),
}
