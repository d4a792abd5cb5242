import { standardOutput } from '../../host/output/output.ts'
import { tasks } from '../../setup/tasks.ts'
import type { SetupFlags } from './request.ts'
import { readSelection } from './request.ts'

/** `--list-tasks`: those that a run with these options would go through. @returns the exit code */
export function listTasks(flags: SetupFlags): number {
  const selected = tasks.filter(readSelection(flags))
  if (flags.choice('output') === 'json') {
    const list = selected.map(({ name, title, tags }) => ({ name, title, tags }))
    standardOutput.write(`${JSON.stringify({ version: 1, tasks: list })}\n`)
    return 0
  }
  const width = Math.max(...tasks.map((task) => task.name.length))
  for (const { name, title, tags } of selected)
    standardOutput.write(`${name.padEnd(width)}  ${title}  [${tags.join(', ')}]\n`)
  return 0
}
