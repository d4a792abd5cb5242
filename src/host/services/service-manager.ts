import { foreignText } from '../../text/printable.ts'
import type { CommandResult } from '../processes/commands.ts'

/** Starts and stops services on the running machine, by systemd or init scripts. */
export interface ServiceManager {
  /** Whether it runs or is being started. A service that fails and is started again and again counts as not running. */
  isRunning(service: string): Promise<boolean>
  /**
   * Starts it, and waits for a while until it is ready.
   * @returns what it still waits for; undefined when it is ready
   * @throws KnownError `command-failed` when it ends instead
   */
  start(service: string): Promise<string | undefined>
  /** Restarts it if it runs; result and errors as `start`. */
  restart(service: string): Promise<string | undefined>
  /** Has a running service read its settings again. */
  reload(service: string): Promise<void>
  /** Stops it; nothing happens where it does not run. */
  stop(service: string): Promise<void>
}

/** Timeout for one call of systemctl or an init script. */
export const commandLimitMs = 90_000

/** Why such a call failed: the program's own message, where it has one. */
export function whyCommandFailed({ stderr, exitCode, timedOut }: CommandResult): string {
  if (timedOut) return `it took more than ${commandLimitMs / 1000} s`
  return foreignText(stderr) || `it ended with ${exitCode}`
}
