/** Ends a process of another program. Before each signal it is proven to be the right one. */
import { systemCode } from '../../errors.ts'
import { poll } from '../waiting.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'

/**
 * Asks it to end, and kills it at the deadline.
 * @param isMeant checks once more that it is the right process, immediately before a signal
 * @param limitMs how long it may take to end by itself, and to die
 * @returns whether it is gone
 */
export async function endProcess(
  target: ProcessIdentity,
  isMeant: () => boolean,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(target)) return true
    if (!isMeant() || !send(target.pid, name)) return !isAlive(target)
    if (await poll(() => !isAlive(target), { limitMs, signal })) return true
  }
  return false
}

/** @returns false when it has just ended */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
    throw error
  }
}
