import type { Diff, Outcome, TaskResult } from './task.ts'

/** A column of text, broken between words. */
export type Wrap = (text: string, indent: number) => string

/** Wraps for a terminal; one that does not know its width (a serial line) gets 80 columns. */
export async function wrapTo({ columns }: { readonly columns?: number | undefined }): Promise<Wrap> {
  const { wrapAnsi } = await import('fast-wrap-ansi')
  return (text, indent) =>
    wrapAnsi(text, Math.max((columns || 80) - indent, 20)).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

/** A result as one aligned line: `changed   encryption-key  make a new key …`. */
export function resultLine(result: TaskResult, nameWidth: number, wrap: Wrap = (text) => text): string {
  const head = `${result.outcome.padEnd(8)}  ${result.name.padEnd(nameWidth)}  `
  return `${head}${wrap(result.summary, head.length)}`.trimEnd()
}

const recapOrder: readonly Outcome[] = ['ok', 'changed', 'pending', 'skipped', 'deferred', 'failed']

/** How many tasks ended how. */
export function countOutcomes(results: readonly TaskResult[]): Record<Outcome, number> {
  const count = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length
  return Object.fromEntries(recapOrder.map((outcome) => [outcome, count(outcome)])) as Record<Outcome, number>
}

/** Ansible's recap: `ok=4  changed=1  skipped=0  failed=0`, with pending and deferred where there are some. */
export function recapLine(results: readonly TaskResult[]): string {
  const counts = countOutcomes(results)
  const shown = recapOrder.filter((outcome) => counts[outcome] > 0 || !['pending', 'deferred'].includes(outcome))
  return shown.map((outcome) => `${outcome}=${counts[outcome]}`).join('  ')
}

/** Diffs as unified text. The library is loaded only where a diff is shown. */
export async function unifiedDiff(diffs: readonly Diff[]): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY: headerOptions } = await import('diff')
  return diffs
    .map(({ path, before, after }) =>
      createTwoFilesPatch(path, path, before, after, 'before', 'after', { headerOptions }),
    )
    .join('')
}
