/**
 * The vocabulary of the runner. Plan reads, apply writes; nothing travels between tasks but the
 * machine itself. This folder knows nothing of OSSIM.
 */

/**
 * How a task ended. `pending`: in check mode, it would change something. `deferred`: what it wants can be true only
 * later (after a boot) or elsewhere (on a machine that is made from an image).
 */
export type Outcome = 'ok' | 'changed' | 'pending' | 'skipped' | 'deferred' | 'failed'

/** What a task found or would do. It is shown to people, so it never holds a secret. */
interface Finding {
  /** One line. */
  summary: string
  /** The warnings of a change are read after it was applied: `apply` may add some. */
  warnings?: readonly string[]
  /** What the task established, for the result document. */
  facts?: Readonly<Record<string, unknown>>
}

/** It is already as it should be, or it cannot be true yet (`deferred`). */
interface SettledPlan extends Finding {
  outcome: 'ok' | 'deferred'
}

/** A text before and after, secrets masked; shown as a unified diff. */
export interface Diff {
  path: string
  before: string
  after: string
}

/** A change that a task plans. A task that still plans one after `apply` has failed. */
export interface Change extends Finding {
  outcome: 'change'
  diff?: readonly Diff[]
  /** The service that has to be restarted once, at the end. */
  restarts?: string
  apply(): Promise<void>
}

export type Plan = SettledPlan | Change

/** A step towards the wanted state of a machine M, which says what is wanted too. */
export interface Task<M> {
  /** The name in `--list-tasks`, `--start-at-task` and the result document. */
  name: string
  title: string
  tags: readonly string[]
  /** Only reads. In check mode an earlier task has not made its change yet: a plan must cope with that. */
  plan(machine: M): Promise<Plan>
}

/** How one task ended. */
export interface TaskResult {
  name: string
  title: string
  tags: readonly string[]
  outcome: Outcome
  summary: string
  diff?: readonly Diff[]
  warnings: readonly string[]
  facts: Readonly<Record<string, unknown>>
  restarts?: string
  /** Wall-clock milliseconds. */
  ms: number
  /** What a failed task was about to change: some of it may be done. */
  begun?: Pick<TaskResult, 'summary' | 'diff'>
  error?: unknown
}
