import { setTimeout as sleep } from 'node:timers/promises'

/** More than anything takes on a busy machine. */
const limitMs = 60_000

/** Waits until it holds. @throws Error when it never does */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await holds())) {
    if (performance.now() - begun > limitMs) throw new Error(`never: ${holds}`)
    await sleep(20)
  }
}
