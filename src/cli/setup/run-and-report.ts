/** Runs a list of tasks and shows it, as text or as one JSON document. */
import { applyTasks } from '../../engine/apply-tasks.ts'
import { planTasks, type Tell } from '../../engine/plan-tasks.ts'
import { type CompletedRun, completeRun } from '../../engine/report-json.ts'
import { reportText, type TextReport } from '../../engine/report-text.ts'
import type { Restarts } from '../../engine/restarts.ts'
import type { Task, TaskResult } from '../../engine/task.ts'
import { type standardError, standardOutput } from '../../host/output/output.ts'
import { wrapTo } from '../../text/wrap.ts'
import { reportError } from '../report-error.ts'
import type { SlowLine } from '../slow-line.ts'

/** What is run, and how it is shown. */
export interface RunPresentation {
  verb: string
  format: 'text' | 'json'
  color: boolean
  /** For a person at a terminal: what is done here, in a sentence or two. */
  title: string | undefined
  /** Marks beyond ASCII. */
  unicode: boolean
  diff: boolean
  /** Whether pending changes have an exit code of their own. */
  detailedExitCode: boolean
  /** Says what is waited for, where nothing else does. */
  slow: SlowLine
  /** Where text goes, where that is not standard output. */
  textTo?: typeof standardError
}

const program = 'frameworkd-setup'
const pendingChangesCode = 5

/** The text of a run, as it goes on; nothing where a document is asked for. */
interface RunReport {
  /** Begins the list of the tasks. @returns who gets their results */
  begin(): Promise<Tell>
  /** Ends the list alone; another one may begin. */
  close(): Promise<void>
  /** Ends the list, and prints what stands below it. */
  end(results: readonly TaskResult[]): Promise<void>
}

/** @param live the list of tasks may be drawn anew: nothing is asked meanwhile */
export function reportOf(
  tasks: readonly { name: string; title: string }[],
  { live, check }: { live: boolean; check: boolean },
  { format, title, color, unicode, diff, slow, textTo: output = standardOutput }: RunPresentation,
): RunReport {
  let text: TextReport | undefined
  return {
    async begin() {
      if (format === 'text') {
        if (title !== undefined && output.terminal) output.write(`${wrapTo(output)(title, 0)}\n\n`)
        text = await reportText({ tasks, output, color, unicode, live, diff, check })
        // A spinner turns already.
        slow.isHeld = text.isLive
      }
      return (result) => text?.tell(result)
    },
    close: async () => text?.close(),
    end: async (results) => text?.end(results),
  }
}

/** Runs every task of a list, and shows how it goes on. Errors of tasks are part of what it returns. */
export async function runAndReport<M>(
  tasks: readonly Task<M>[],
  machine: M,
  { check, signal, restarts }: { check: boolean; signal: AbortSignal; restarts?: Restarts },
  show: RunPresentation,
): Promise<CompletedRun> {
  const startedAt = new Date()
  const report = reportOf(tasks, { live: true, check }, show)
  const goThrough = check ? planTasks : applyTasks
  const results = await goThrough(tasks, machine, { selected: () => true, signal, restarts }, await report.begin())
  await report.end(results)
  return completeRun({ verb: show.verb, diff: show.diff, check, results, startedAt })
}

/** Tells how a run ended to whoever called the program. @returns the exit code */
export function concludeRun(
  { results, document, error }: CompletedRun,
  { format, detailedExitCode }: RunPresentation,
): number {
  if (format === 'json') standardOutput.write(`${JSON.stringify(document)}\n`)
  if (error !== undefined) return reportError(program, error)
  return detailedExitCode && results.some(({ outcome }) => outcome === 'pending') ? pendingChangesCode : 0
}
