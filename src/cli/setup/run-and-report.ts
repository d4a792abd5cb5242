/** Runs a list of tasks and shows it, as text or as one JSON document. */

import { type ResultDocument, resultDocument } from '../../engine/report-json.ts'
import { reportText, type TextReport } from '../../engine/report-text.ts'
import { type RunOptions, runTasks } from '../../engine/run-tasks.ts'
import type { Task, TaskResult } from '../../engine/task.ts'
import { standardOutput } from '../../host/output/output.ts'
import { reportError } from '../report-error.ts'

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
  show: Show,
): Promise<Ran> {
  const startedAt = new Date()
  // Questions between the tasks and a list that is drawn anew do not go together.
  const text = await textReport(tasks, options.confirm === undefined, show)
  const results = await runTasks(tasks, settings, host, options, text ?? silent)
  await text?.end(results)
  return describeRun({ results, startedAt }, show, options.check)
}

/** A run that is over, with its document. */
export async function describeRun(
  { results, startedAt }: { results: readonly TaskResult[]; startedAt: Date },
  { verb, diff }: Show,
  check = false,
): Promise<Ran> {
  const error = results.find((result) => result.outcome === 'failed')?.error
  const document = await resultDocument({ verb, check, diff, results, error, startedAt, endedAt: new Date() })
  return { results, document, error }
}

/** Shows a run that is over. */
export async function showRun(
  tasks: readonly { name: string; title: string }[],
  { results }: Ran,
  show: Show,
): Promise<void> {
  const text = await textReport(tasks, true, show)
  for (const result of results) text?.finished(result)
  await text?.end(results)
}

async function textReport(
  tasks: readonly { name: string; title: string }[],
  live: boolean,
  { format, color, diff }: Show,
): Promise<TextReport | undefined> {
  return format === 'text' ? reportText({ tasks, output: standardOutput, color, live, diff }) : undefined
}

/** Tells how a run ended to whoever called the program. @returns the exit code */
export function concludeRun({ results, document, error }: Ran, { format, detailedExitCode }: Show): number {
  if (format === 'json') standardOutput.write(`${JSON.stringify(document)}\n`)
  if (error !== undefined) return reportError(program, error)
  return detailedExitCode && results.some(({ outcome }) => outcome === 'pending') ? pendingChangesCode : 0
}
