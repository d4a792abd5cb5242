/** Runs a list of tasks and shows it, as text or as one JSON document. */
import { type ResultDocument, resultDocument } from '../engine/report-json.ts'
import { reportText } from '../engine/report-text.ts'
import { type RunOptions, runTasks } from '../engine/run-tasks.ts'
import type { Task, TaskResult } from '../engine/task.ts'
import type { ParsedFlags } from './flags.ts'

export interface Ran {
  results: readonly TaskResult[]
  document: ResultDocument
  /** Of the task that failed; undefined when none has. */
  error: unknown
}

const silent = { started() {}, finished() {} }

/** Errors of tasks are part of what it returns; the caller turns them into an exit code. */
export async function runAndReport<S, H>(
  verb: string,
  tasks: readonly Task<S, H>[],
  settings: S,
  host: H,
  options: RunOptions,
  flags: ParsedFlags,
  format: 'text' | 'json',
): Promise<Ran> {
  const startedAt = new Date()
  const diff = flags.isSet('diff')
  const color = !flags.isSet('no-color') && !process.env.NO_COLOR
  const text = format === 'text' ? await reportText({ tasks, output: process.stdout, color, diff }) : undefined
  const results = await runTasks(tasks, settings, host, options, text ?? silent)
  await text?.end(results)
  const error = results.find((result) => result.outcome === 'failed')?.error
  const document = await resultDocument({
    verb,
    check: options.check,
    diff,
    results,
    error,
    startedAt,
    endedAt: new Date(),
  })
  return { results, document, error }
}
