/** Results of tasks as they are made: of what a plan says, of a failure, of what is skipped. */
import { messageOf } from '../errors.ts'
import type { Plan, TaskResult } from './task.ts'

/** What is known of a task before anything is known of its result. */
export type TaskHead = Pick<TaskResult, 'name' | 'title' | 'tags'>

/** Without what only the caller knows: how it ended and how long it took. */
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

export function failed(task: TaskHead, error: unknown, ms: number): TaskResult {
  const [summary = ''] = messageOf(error).split('\n')
  return { ...headOf(task), outcome: 'failed', summary, warnings: [], facts: {}, error, ms }
}

/** @param why in words for people: not selected, left out, not reached */
export function skipped(task: TaskHead, why: string): TaskResult {
  return { ...headOf(task), outcome: 'skipped', summary: why, warnings: [], facts: {}, ms: 0 }
}

/**
 * The results of a run that was begun again: what an earlier attempt has changed, this run has changed.
 * @param earlier of the attempts before, joined
 * @param last of the last attempt
 */
export function joinAttempts(earlier: readonly TaskResult[], last: readonly TaskResult[]): TaskResult[] {
  return last.map((result) => {
    const before = earlier.find(({ name }) => name === result.name)
    const change = before?.outcome === 'changed' ? before : before?.begun
    if (!change || !['ok', 'changed', 'failed', 'skipped'].includes(result.outcome)) return result
    // One that failed, or was not reached, this time tells that; the next attempt hears of the change all the same.
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
