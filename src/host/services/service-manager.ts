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
