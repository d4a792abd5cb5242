/**
 * `planTasks`: what each task found and what it would change, as data; nothing is changed. Check mode is that,
 * and the wizard shows it for review. A run makes the same plans, but applies
 * each change before it asks for the next plan (apply-tasks.ts). The first failure ends both.
 */
import { planRestarts, type Restarts } from './restarts.ts'
import type { Change, Task, TaskResult } from './task.ts'
import { failedResult, hasFailed, resultOf, skippedResult, startClock, type TaskHead } from './task-results.ts'

export interface TaskOptions {
  /** Whether a task takes part. */
  selected(task: TaskHead): boolean
  /** Ansible's `--step`: asked before each selected task whether it is to run. */
  confirm?: ((task: TaskHead) => Promise<boolean>) | undefined
  signal: AbortSignal
  /** Absent where no change needs a restart. */
  restarts?: Restarts | undefined
}

/** A function that gets each result as soon as it is known. */
export type Tell = (result: TaskResult) => void

/** A result as check mode reports it; a pending one comes with the change that is to be applied. */
export interface PlannedTask extends TaskResult {
  change?: Change
}

/** @returns all results, in order. A failed plan is a result with its error, not a rejection */
export async function planTasks<M>(
  tasks: readonly Task<M>[],
  machine: M,
  options: TaskOptions,
  tell: Tell = () => {},
): Promise<PlannedTask[]> {
  const results: PlannedTask[] = []
  const add = (result: PlannedTask) => {
    results.push(result)
    tell(result)
  }
  for await (const planned of planOneByOne(tasks, machine, options)) add(planned)
  if (!options.restarts || hasFailed(results)) return results
  for (const restart of await planRestarts(options.restarts, results)) add(restart)
  return results
}

/** Plans each task only when the caller asks for its result. */
export async function* planOneByOne<M>(
  tasks: readonly Task<M>[],
  machine: M,
  options: TaskOptions,
): AsyncGenerator<PlannedTask, void, void> {
  for (const [index, task] of tasks.entries()) {
    const planned = options.selected(task)
      ? await planTask(task, machine, options)
      : skippedResult(task, 'not selected')
    yield planned
    if (planned.outcome === 'failed') return yield* unreachedResults(tasks.slice(index + 1))
  }
}

/** The results of tasks that come after one that failed. */
export function unreachedResults(tasks: readonly TaskHead[]): TaskResult[] {
  return tasks.map((task) => skippedResult(task, 'not reached'))
}

async function planTask<M>(
  task: Task<M>,
  machine: M,
  { confirm, signal }: Pick<TaskOptions, 'confirm' | 'signal'>,
): Promise<PlannedTask> {
  const ms = startClock()
  try {
    signal.throwIfAborted()
    if (confirm && !(await confirm(task))) return skippedResult(task, 'left out')
    const plan = await task.plan(machine)
    signal.throwIfAborted()
    const result = resultOf(task, plan)
    if (plan.outcome === 'change') return { ...result, outcome: 'pending', change: plan, ms: ms() }
    return { ...result, outcome: plan.outcome, ms: ms() }
  } catch (error) {
    return failedResult(task, error, ms())
  }
}
