/**
 * Restarts, once, at the end, as Ansible's handlers: a task says which service its change touches,
 * and that is remembered before the change, so that a run that dies leaves it to the next one.
 */
import type { TaskResult } from './task.ts'
import { failed, startClock } from './task-results.ts'

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

/** Check mode: what is due by itself, and by what the tasks would change. @returns one result for each that runs */
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
 * Restarts what is due and runs; what does not run reads everything when it is started.
 * @returns one result for each service that was restarted
 */
export async function makeRestarts(restarts: Restarts): Promise<TaskResult[]> {
  const made: TaskResult[] = []
  // What the tasks have asked for is due, unless one of them has started the service anew since.
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

type Settled = Pick<TaskResult, 'outcome' | 'summary'> & Partial<Pick<TaskResult, 'warnings'>>

/** @returns undefined where there was nothing to restart */
async function settleRestart(
  service: string,
  work: () => Promise<Settled | undefined>,
): Promise<TaskResult | undefined> {
  const ms = startClock()
  const head = { name: `restart-${service}`, title: `Restart ${service}`, tags: [] }
  try {
    const settled = await work()
    return settled && { ...head, warnings: [], facts: {}, ...settled, ms: ms() }
  } catch (error) {
    return failed(head, error, ms())
  }
}
