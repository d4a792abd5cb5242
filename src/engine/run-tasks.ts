/**
 * The runner: plan, apply, plan again. Check mode is "do not call apply", and only here. The first
 * failure ends the run; what comes after it is skipped and said so.
 */
import { KnownError } from '../errors.ts'
import { type Restarts, runRestarts } from './restarts.ts'
import type { Change, Plan, Task, TaskResult } from './task.ts'

export interface RunOptions {
  /** Nothing is applied; what would change is `pending`. */
  check: boolean
  /** Whether a task takes part. */
  selected(task: { name: string; tags: readonly string[] }): boolean
  /** Ansible's `--step`: asked before each selected task whether it is to run. */
  confirm?(task: { name: string; title: string; tags: readonly string[] }): Promise<boolean>
  signal: AbortSignal
  /** In check mode: the first task that would change something ends it, and those from one on plan at the same time. */
  look?: { togetherFrom: string }
  /** Absent where no change asks for a restart. */
  restarts?: Restarts
}

/** Who wants to know how the run goes on. */
export interface Observer {
  started(name: string): void
  finished(result: TaskResult): void
}

/** Runs the tasks in order. A failed task is a result with its error, not a rejection. */
export async function runTasks<S, H>(
  tasks: readonly Task<S, H>[],
  settings: S,
  host: H,
  options: RunOptions,
  observer: Observer,
): Promise<TaskResult[]> {
  const results: TaskResult[] = []
  const planned = options.check && options.look ? planTogether(tasks, settings, host, options) : undefined
  const isOver = () =>
    results.some(({ outcome }) => outcome === 'failed' || (options.look !== undefined && outcome === 'pending'))
  for (const task of tasks) {
    const result = isOver()
      ? skip(task, 'not reached')
      : options.selected(task)
        ? await runTask(planned?.(task) ?? task, settings, host, options, observer)
        : skip(task, 'not selected')
    results.push(result)
    observer.finished(result)
  }
  if (!options.restarts || isOver()) return results
  const restarted = await runRestarts(options.restarts, results, options.check)
  for (const result of restarted) observer.finished(result)
  return [...results, ...restarted]
}

/** @returns a task as one whose plan is being made; undefined for those that come before */
function planTogether<S, H>(
  tasks: readonly Task<S, H>[],
  settings: S,
  host: H,
  { selected, look }: RunOptions,
): (task: Task<S, H>) => Task<S, H> | undefined {
  const from = tasks.findIndex(({ name }) => name === look?.togetherFrom)
  const together = tasks.filter((task, index) => from !== -1 && index >= from && selected(task))
  let plans: Map<Task<S, H>, Promise<Plan>> | undefined
  return (task) => {
    if (!together.includes(task)) return undefined
    plans ??= new Map(together.map((one) => [one, (async () => one.plan(settings, host))()]))
    // The error of a task that is not reached is nobody's.
    for (const plan of plans.values()) plan.catch(() => {})
    const plan = plans.get(task)
    return plan && { ...task, plan: () => plan }
  }
}

async function runTask<S, H>(
  task: Task<S, H>,
  settings: S,
  host: H,
  options: RunOptions,
  observer: Observer,
): Promise<TaskResult> {
  // Not `performance`: that global loads a module of its own.
  const begun = process.hrtime.bigint()
  const { name, title, tags } = task
  const frame = () => ({ name, title, tags, ms: Math.round(Number(process.hrtime.bigint() - begun) / 1e6) })
  observer.started(name)
  try {
    options.signal.throwIfAborted()
    if (options.confirm && !(await options.confirm(task))) return skip(task, 'left out')
    const plan = await task.plan(settings, host)
    options.signal.throwIfAborted()
    if (plan.outcome !== 'change') return { ...frame(), ...describe(plan), outcome: plan.outcome }
    if (options.check) return { ...frame(), ...describe(plan), outcome: 'pending' }
    if (plan.restarts !== undefined) options.restarts?.require(plan.restarts)
    await plan.apply()
    return { ...frame(), ...describeApplied(plan, await task.plan(settings, host)), outcome: 'changed' }
  } catch (error) {
    return { ...frame(), outcome: 'failed', summary: 'failed', warnings: [], facts: {}, error }
  }
}

/** A change that was applied, with what the second plan established. */
function describeApplied(change: Change, after: Plan): ReturnType<typeof describe> {
  if (after.outcome === 'change') {
    const hint = 'look for something that undoes it, such as configuration management, then run again'
    throw new KnownError('task-failed', `still not as it should be after the change: ${after.summary}`, hint)
  }
  const warnings = [...(change.warnings ?? []), ...(after.warnings ?? [])]
  return { ...describe(change), warnings: [...new Set(warnings)], facts: after.facts ?? {} }
}

function describe(plan: Plan) {
  return {
    summary: plan.summary,
    warnings: plan.warnings ?? [],
    facts: plan.facts ?? {},
    ...(plan.outcome === 'change' && plan.diff && { diff: plan.diff }),
    ...(plan.outcome === 'change' && plan.restarts !== undefined && { restarts: plan.restarts }),
  }
}

function skip(task: { name: string; title: string; tags: readonly string[] }, summary: string): TaskResult {
  const { name, title, tags } = task
  return { name, title, tags, outcome: 'skipped', summary, warnings: [], facts: {}, ms: 0 }
}
