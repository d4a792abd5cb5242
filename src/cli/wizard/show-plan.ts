import { unifiedDiff } from '../../engine/report-lines.ts'
import { tableOn } from '../../engine/report-text.ts'
import type { TaskResult } from '../../engine/task.ts'
import { standardOutput } from '../../host/output/output.ts'
import { wrapTo } from '../../text/wrap.ts'

/** How a plan is shown. */
export interface PlanLooks {
  color: boolean
  unicode: boolean
  /** With what changes in files. */
  diff: boolean
}

/** What a person is asked to agree to: the lines that the run will have, diffs, and the warnings. */
export async function showPlan(results: readonly TaskResult[], { diff, ...looks }: PlanLooks): Promise<void> {
  const names = results.map(({ name }) => name)
  const table = await tableOn(standardOutput, looks, names)
  const wrap = wrapTo(standardOutput)
  const shown = results.filter(({ outcome }) => outcome !== 'skipped')
  standardOutput.draw(`\n${shown.map((result) => `${table.line(result)}\n`).join('')}`)
  const diffs = diff ? shown.flatMap((result) => result.diff ?? []) : []
  if (diffs.length > 0) standardOutput.write(`\n${await unifiedDiff(diffs)}`)
  const warnings = [...new Set(results.flatMap((result) => result.warnings))]
  if (warnings.length > 0)
    standardOutput.write(`\n${warnings.map((one) => `${wrap(`warning: ${one}`, 0)}\n`).join('')}`)
}
