import type { Diff, Outcome, TaskResult } from './task.ts'

const recapOrder: readonly Outcome[] = ['ok', 'changed', 'pending', 'skipped', 'deferred', 'failed']

/** The number of tasks with each outcome. */
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

/** The last line of a run: what was changed, or would be, and where it ended. */
export function conclusionLine(results: readonly TaskResult[], check: boolean): string {
  const { changed, pending, deferred } = countOutcomes(results)
  const later = deferred > 0 ? `; ${tasks(deferred)} left for later` : ''
  const failed = results.find(({ outcome }) => outcome === 'failed')
  if (check) {
    if (failed) return `Nothing was changed: this was a check, and it ended at ${failed.name}.`
    if (pending > 0) return `Nothing was changed: this was a check. ${tasks(pending)} would change something${later}.`
    return `Nothing was changed, and nothing would be: this was a check${later}.`
  }
  if (failed) {
    const before =
      changed > 0 ? `${tasks(changed)} had changed something before that` : 'Nothing was changed before that'
    return `Not finished: it ended at ${failed.name}. ${before}.`
  }
  return changed > 0 ? `Done: ${tasks(changed)} changed something${later}.` : `Nothing was changed${later}.`
}

function tasks(count: number): string {
  return `${count} ${count === 1 ? 'task' : 'tasks'}`
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
