import { documentOfError } from '../errors.ts'
import { countOutcomes, unifiedDiff } from './report-lines.ts'
import type { Outcome, TaskResult } from './task.ts'

/** The result document: one JSON object a run; `version` grows when a field changes its meaning. */
export interface ResultDocument {
  version: 1
  verb: string
  check: boolean
  outcome: 'ok' | 'changed' | 'pending' | 'failed'
  recap: Record<Outcome, number>
  tasks: readonly {
    name: string
    tags: readonly string[]
    title: string
    outcome: Outcome
    summary: string
    diff?: string
    ms: number
  }[]
  /** Facts that tasks establish. */
  key?: { fingerprint: string; source: string }
  warnings: readonly string[]
  error?: { code: string; message: string; hint: string }
  startedAt: string
  endedAt: string
}

/** A run and its results, for the document. */
interface RunSummary {
  verb: string
  check: boolean
  /** Diffs stand in the document. */
  diff: boolean
  results: readonly TaskResult[]
  /** What ended the run; a failed task's error, or one from outside the tasks. */
  error: unknown
  startedAt: Date
  endedAt: Date
}

/** A run that is over, with its document. */
export interface CompletedRun {
  results: readonly TaskResult[]
  document: ResultDocument
  /** The error of the task that failed; undefined when none has. */
  error: unknown
}

/** @param run one whose last task has just ended */
export async function completeRun(run: Omit<RunSummary, 'error' | 'endedAt'>): Promise<CompletedRun> {
  const { results } = run
  const error = results.find(({ outcome }) => outcome === 'failed')?.error
  return { results, error, document: await resultDocument({ ...run, error, endedAt: new Date() }) }
}

/** The document of a run; facts of the tasks become fields of it. */
export async function resultDocument(run: RunSummary): Promise<ResultDocument> {
  const { results, error } = run
  const recap = countOutcomes(results)
  const outcome = error !== undefined ? 'failed' : recap.changed > 0 ? 'changed' : recap.pending > 0 ? 'pending' : 'ok'
  const tasks = results.map(async ({ name, tags, title, outcome, summary, ms, diff }) => {
    return { name, tags, title, outcome, summary, ...(run.diff && diff && { diff: await unifiedDiff(diff) }), ms }
  })
  return {
    version: 1,
    verb: run.verb,
    check: run.check,
    outcome,
    recap,
    tasks: await Promise.all(tasks),
    ...Object.assign({}, ...results.map((result) => result.facts)),
    warnings: [...new Set(results.flatMap((result) => result.warnings))],
    ...(error !== undefined && { error: documentOfError(error) }),
    startedAt: run.startedAt.toISOString(),
    endedAt: run.endedAt.toISOString(),
  }
}
