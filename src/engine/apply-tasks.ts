/**
 * `applyTasks`: carries the plans out. A task is planned when those before it were applied. Then it is
 * applied, and planned again: a task that still plans a change has failed. The first failure ends
 * the run: the tasks after it are reported as skipped, and nothing is restarted.
 */
import { KnownError } from '../errors.ts'
import { type PlannedTask, planOneByOne, type TaskOptions, type Tell, unreachedResults } from './plan-tasks.ts'
import { makeRestarts, type Restarts } from './restarts.ts'
import type { Change, Plan, Task, TaskResult } from './task.ts'
import { failedResult, hasFailed, startClock } from './task-results.ts'

/** @returns all results, in order, restarts at the end. A failed task is a result with its error, not a rejection */
export async function applyTasks<M>(
  tasks: readonly Task<M>[],
  machine: M,
  options: TaskOptions,
  tell: Tell,
): Promise<TaskResult[]> {
  const results: TaskResult[] = []
  const add = (result: TaskResult) => {
    results.push(result)
    tell(result)
  }
  for await (const { change, ...planned } of planOneByOne(tasks, machine, options)) {
    const task = tasks[results.length]
    add(task && change ? await applyChange(task, machine, change, planned, options.restarts) : planned)
    if (hasFailed(results)) break
  }
  for (const result of unreachedResults(tasks.slice(results.length))) add(result)
  if (!options.restarts || hasFailed(results)) return results
  for (const restart of await makeRestarts(options.restarts)) add(restart)
  return results
}

async function applyChange<M>(
  task: Task<M>,
  machine: M,
  change: Change,
  planned: PlannedTask,
  restarts: Restarts | undefined,
): Promise<TaskResult> {
  const ms = startClock()
  try {
    if (change.restarts !== undefined) restarts?.require(change.restarts)
    await change.apply()
    const after = requireSettled(await task.plan(machine))
    // `apply` may have added warnings to the change.
    const warnings = [...new Set([...(change.warnings ?? []), ...(after.warnings ?? [])])]
    return { ...planned, outcome: 'changed', warnings, facts: after.facts ?? {}, ms: planned.ms + ms() }
  } catch (error) {
    const { summary, diff } = planned
    return { ...failedResult(task, error, planned.ms + ms()), begun: { summary, ...(diff && { diff }) } }
  }
}

/** @throws KnownError `task-failed` where a task that was applied still plans a change */
function requireSettled(plan: Plan): Plan {
  if (plan.outcome !== 'change') return plan
  const hint = 'look for something that undoes it, such as configuration management, then run again'
  throw new KnownError('task-failed', `still not as it should be after the change: ${plan.summary}`, hint)
}
