/**
 * Restarts services once, at the end, as Ansible's handlers do. A task names the service that its change affects;
 * that is remembered before the change, so that the next run makes the restart where this one dies.
 */
import type { TaskResult } from './task.ts'
import { failedResult, startClock } from './task-results.ts'

/** Restarts services, and remembers over a crash which ones need it. */
export interface Restarts {
  /** Remembers that a service needs a restart; called before the change is applied. */
  require(service: string): void
  /** The services that still need a restart, also from earlier runs. */
  due(): readonly string[]
  isRunning(service: string): Promise<boolean>
  /** @returns warnings */
  restart(service: string): Promise<readonly string[]>
  /** Forgets that a service needs a restart. */
  settle(service: string): void
}

/**
 * Check mode: restarts that are due already, and those for changes of the tasks. @returns a result for each service
 * that runs
 */
export async function planRestarts(restarts: Restarts, results: readonly TaskResult[]): Promise<TaskResult[]> {
  const services = new Set([...restarts.due(), ...results.flatMap((result) => result.restarts ?? [])])
  const planned: TaskResult[] = []
  for (const service of services) {
    const result = await settleRestart(service, async () => {
      if (!(await restarts.isRunning(service))) return undefined
      return { outcome: 'pending', summary: `restart ${service}, what it depends on has changed` }
    })
    if (result) planned.push(result)
    if (result?.outcome === 'failed') break
  }
  return planned
}

/**
 * Restarts each service that is due and runs. One that does not run will read everything when it is started.
 * @returns one result for each service that was restarted
 */
export async function makeRestarts(restarts: Restarts): Promise<TaskResult[]> {
  const made: TaskResult[] = []
  // A restart that a task needs is not due any more where another task has started the service since.
  for (const service of restarts.due()) {
    const result = await settleRestart(service, async () => {
      const isRunning = await restarts.isRunning(service)
      const warnings = isRunning ? await restarts.restart(service) : []
      restarts.settle(service)
      if (!isRunning) return undefined
      return { outcome: 'changed', summary: `restarted ${service}, what it depends on has changed`, warnings }
    })
    if (result) made.push(result)
    if (result?.outcome === 'failed') break
  }
  return made
}

type RestartOutcome = Pick<TaskResult, 'outcome' | 'summary'> & Partial<Pick<TaskResult, 'warnings'>>

/** @returns undefined where there was nothing to restart */
async function settleRestart(
  service: string,
  work: () => Promise<RestartOutcome | undefined>,
): Promise<TaskResult | undefined> {
  const ms = startClock()
  const head = { name: `restart-${service}`, title: `Restart ${service}`, tags: [] }
  try {
    const settled = await work()
    return settled && { ...head, warnings: [], facts: {}, ...settled, ms: ms() }
  } catch (error) {
    return failedResult(head, error, ms())
  }
}
