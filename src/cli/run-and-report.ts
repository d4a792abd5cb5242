/** Runs a list of tasks and shows it, as text or as one JSON document. */
import { type ResultDocument, resultDocument } from '../engine/report-json.ts'
import { reportText } from '../engine/report-text.ts'
import { type RunOptions, runTasks } from '../engine/run-tasks.ts'
import type { Task, TaskResult } from '../engine/task.ts'
import { reportError } from './report-error.ts'

/** What is run, and how it is shown. */
export interface Show {
  verb: string
  format: 'text' | 'json'
  color: boolean
  diff: boolean
  /** Whether pending changes have an exit code of their own. */
  detailedExitCode: boolean
}

const program = 'frameworkd-setup'
const pendingChangesCode = 5

export interface Ran {
  results: readonly TaskResult[]
  document: ResultDocument
  /** Of the task that failed; undefined when none has. */
  error: unknown
}

const silent = { started() {}, finished() {} }

/** Errors of tasks are part of what it returns; the caller turns them into an exit code. */
export async function runAndReport<S, H>(
  tasks: readonly Task<S, H>[],
  settings: S,
  host: H,
  options: RunOptions,
  { verb, format, color, diff }: Show,
): Promise<Ran> {
  const startedAt = new Date()
  // Questions between the tasks and a list that is drawn anew do not go together.
  const live = options.confirm === undefined
  const text = format === 'text' ? await reportText({ tasks, output: process.stdout, color, live, diff }) : undefined
  const results = await runTasks(tasks, settings, host, options, text ?? silent)
  await text?.end(results)
  const error = results.find((result) => result.outcome === 'failed')?.error
  const endedAt = new Date()
  const document = await resultDocument({ verb, check: options.check, diff, results, error, startedAt, endedAt })
  return { results, document, error }
}

/** Tells how a run ended to whoever called the program. @returns the exit code */
export function concludeRun({ results, document, error }: Ran, { format, detailedExitCode }: Show): number {
  if (format === 'json') process.stdout.write(`${JSON.stringify(document)}\n`)
  if (error !== undefined) return reportError(program, error, process.stderr)
  return detailedExitCode && results.some(({ outcome }) => outcome === 'pending') ? pendingChangesCode : 0
}
