import { foreignText } from '../../text/printable.ts'
import type { CommandResult } from '../processes/commands.ts'

/** Whoever starts and stops services on the running machine. */
export interface ServiceManager {
  /** It runs, or is being started. A service that fails and is started again and again does not. */
  isRunning(service: string): Promise<boolean>
  /**
   * Starts it, and waits for a while until it is ready.
   * @returns what it still waits for; undefined when it is ready
   * @throws KnownError `command-failed` when it ends instead
   */
  start(service: string): Promise<string | undefined>
  /** Restarts it if it runs; as start. */
  restart(service: string): Promise<string | undefined>
  /** Has a running service read its settings again. */
  reload(service: string): Promise<void>
  /** Stops it; nothing happens where it does not run. */
  stop(service: string): Promise<void>
}

/** How long its program may take for one order. */
export const orderLimitMs = 90_000

/** Why an order was not carried out, in the program's own words where it has some. */
export function whyOrderFailed({ stderr, exitCode, timedOut }: CommandResult): string {
  if (timedOut) return `it took more than ${orderLimitMs / 1000} s`
  return foreignText(stderr) || `it ended with ${exitCode}`
}
