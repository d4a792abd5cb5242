/**
 * Restarts, once, at the end, as Ansible's handlers: a task says which service its change touches,
 * and that is remembered before the change, so that a run that dies leaves it to the next one.
 */
import type { TaskResult } from './task.ts'

/** What can restart services, and remembers over a crash which ones need it. */
export interface Restarts {
  /** Remembers it; called before the change is applied. */
  require(service: string): void
  /** What was remembered and not settled yet, by earlier runs too. */
  due(): readonly string[]
  isRunning(service: string): Promise<boolean>
  /** @returns what is worth a warning */
  restart(service: string): Promise<readonly string[]>
  /** Forgets it. */
  settle(service: string): void
}

/**
 * Restarts what is due and runs; what does not run reads everything when it is started.
 * @param check say what would be restarted
 * @returns one result for each service that was restarted
 */
export async function runRestarts(
  restarts: Restarts,
  results: readonly TaskResult[],
  check: boolean,
): Promise<TaskResult[]> {
  // What is applied is remembered, unless a task has started the service anew since.
  const pending = check ? results.flatMap((result) => result.restarts ?? []) : []
  const done: TaskResult[] = []
  for (const service of new Set([...restarts.due(), ...pending])) {
    const result = await restartOne(restarts, service, check)
    if (result) done.push(result)
    if (result?.outcome === 'failed') break
  }
  return done
}

async function restartOne(restarts: Restarts, service: string, check: boolean): Promise<TaskResult | undefined> {
  const begun = performance.now()
  const summary = `${check ? 'restart' : 'restarted'} ${service}, what it depends on has changed`
  const frame = { name: `restart-${service}`, title: `Restart ${service}`, tags: [], facts: {}, warnings: [] }
  const ms = () => Math.round(performance.now() - begun)
  try {
    const isRunning = await restarts.isRunning(service)
    if (check) return isRunning ? { ...frame, summary, outcome: 'pending', ms: ms() } : undefined
    const warnings = isRunning ? await restarts.restart(service) : []
    restarts.settle(service)
    return isRunning ? { ...frame, warnings, summary, outcome: 'changed', ms: ms() } : undefined
  } catch (error) {
    return { ...frame, summary: 'failed', outcome: 'failed', error, ms: ms() }
  }
}
