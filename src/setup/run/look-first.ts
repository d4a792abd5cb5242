import { type RunOptions, runTasks } from '../../engine/run-tasks.ts'
import type { TaskResult } from '../../engine/task.ts'
import type { Machine } from '../machine.ts'
import { ServiceRestarts } from '../service/restarts.ts'
import { database } from '../tasks/database.ts'
import { tasks } from '../tasks.ts'
import { type Quiet, seeQuiet } from './quiet.ts'

/** A run that was over before there was anything to lock. */
export interface Past {
  results: TaskResult[]
  startedAt: Date
  /** As long as it lasts, what was found counts. */
  quiet: Quiet
}

/**
 * Most runs find nothing to do, and those need no lock, which is a process and a tenth of their time.
 * What is found counts only if nobody was at work meanwhile: then it is what a run with the lock
 * would have found.
 * @returns undefined where there is something to do, or may be; what was read is forgotten then
 */
export async function lookFirst(machine: Machine, selected: RunOptions['selected']): Promise<Past | undefined> {
  const quiet = machine.request.forImage ? undefined : seeQuiet(machine.host)
  if (!quiet) return undefined
  const startedAt = new Date()
  const results = await planAll(machine, selected)
  const isSettled = results.every(({ outcome }) => outcome !== 'pending')
  if (isSettled && quiet.lasts()) return { results, startedAt, quiet }
  await machine.seeAnew()
  return undefined
}

async function planAll(machine: Machine, selected: RunOptions['selected']): Promise<TaskResult[]> {
  using _folders = machine.host.tree.keepFolders()
  const restarts = new ServiceRestarts(machine)
  // What is settled without the store comes first: nobody is to wait for a connection that is not needed.
  const look = { togetherFrom: database.name }
  const options = { check: true, look, selected, signal: machine.signal, restarts }
  return await runTasks(tasks, machine.settings, machine, options, { started() {}, finished() {} })
}
