/** Makes the results of tasks: from a plan, from an error, and for a task that is skipped. */
import { messageOf } from '../errors.ts'
import type { Plan, TaskResult } from './task.ts'

/** The part of a result that is known before the task runs. */
export type TaskHead = Pick<TaskResult, 'name' | 'title' | 'tags'>

/** A result without outcome and time, which only the caller knows. */
export function resultOf(task: TaskHead, plan: Plan): Omit<TaskResult, 'outcome' | 'ms'> {
  return {
    ...headOf(task),
    summary: plan.summary,
    warnings: plan.warnings ?? [],
    facts: plan.facts ?? {},
    ...(plan.outcome === 'change' && plan.diff && { diff: plan.diff }),
    ...(plan.outcome === 'change' && plan.restarts !== undefined && { restarts: plan.restarts }),
  }
}

export function failedResult(task: TaskHead, error: unknown, ms: number): TaskResult {
  const [summary = ''] = messageOf(error).split('\n')
  return { ...headOf(task), outcome: 'failed', summary, warnings: [], facts: {}, error, ms }
}

/** @param why in words for people: not selected, left out, not reached */
export function skippedResult(task: TaskHead, why: string): TaskResult {
  return { ...headOf(task), outcome: 'skipped', summary: why, warnings: [], facts: {}, ms: 0 }
}

/**
 * The results of a run that was begun again: a change of an earlier attempt is a change of this run.
 * @param earlier the joined results of the attempts before
 * @param last the results of the last attempt
 */
export function joinAttempts(earlier: readonly TaskResult[], last: readonly TaskResult[]): TaskResult[] {
  return last.map((result) => {
    const before = earlier.find(({ name }) => name === result.name)
    const change = before?.outcome === 'changed' ? before : before?.begun
    if (!change || !['ok', 'changed', 'failed', 'skipped'].includes(result.outcome)) return result
    // A task that failed or was not reached this time keeps that result, and its earlier change for the next attempt.
    if (result.outcome === 'failed' || result.outcome === 'skipped') return { ...result, begun: result.begun ?? change }
    const diff = [...(change.diff ?? []), ...(result.diff ?? [])]
    return { ...result, outcome: 'changed', summary: change.summary, ...(diff.length > 0 && { diff }) }
  })
}

export function hasFailed(results: readonly TaskResult[]): boolean {
  return results.some(({ outcome }) => outcome === 'failed')
}

/** Milliseconds since now. Not `performance`: that global loads a module of its own. */
export function startClock(): () => number {
  const begun = process.hrtime.bigint()
  return () => Math.round(Number(process.hrtime.bigint() - begun) / 1e6)
}

function headOf({ name, title, tags }: TaskHead): TaskHead {
  return { name, title, tags }
}
