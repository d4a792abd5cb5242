/**
 * The vocabulary of the runner. Plan reads, apply writes; nothing travels between tasks but the
 * machine itself. This folder knows nothing of OSSIM.
 */

/** What became of a task. `pending`: check mode, it would change. `deferred`: true only later, elsewhere. */
export type Outcome = 'ok' | 'changed' | 'pending' | 'skipped' | 'deferred' | 'failed'

/** What a task found or would do; shown to people, so never with a secret. */
interface Finding {
  /** One line. */
  summary: string
  /** Those of a change are read when it is applied: carrying it out may add to them. */
  warnings?: readonly string[]
  /** What the task established, for the result document. */
  facts?: Readonly<Record<string, unknown>>
}

/** It is already as it should be, or it cannot be true yet (`deferred`). */
interface Settled extends Finding {
  outcome: 'ok' | 'deferred'
}

/** A text before and after, secrets masked; shown as a unified diff. */
export interface Diff {
  path: string
  before: string
  after: string
}

/** What has to be done. A task that still plans a change after `apply` has failed. */
export interface Change extends Finding {
  outcome: 'change'
  diff?: readonly Diff[]
  /** The service that has to be restarted once, at the end. */
  restarts?: string
  apply(): Promise<void>
}

export type Plan = Settled | Change

/** A step towards the wanted state of a machine M, which says what is wanted too. */
export interface Task<M> {
  /** The name in `--list-tasks`, `--start-at-task` and the result document. */
  name: string
  title: string
  tags: readonly string[]
  /** Reads, and reads only. Copes with what an earlier task would have made but did not yet. */
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
