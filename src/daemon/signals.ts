/** What signals ask of the daemon. */
export interface Signals extends Disposable {
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal
  /** Calls back at SIGHUP and SIGUSR2: the logs were rotated. */
  onReopen(callback: () => void): void
}

/** Listens from now on. A second SIGINT takes the usual way, which ends the process at once. */
export function listenForSignals(): Signals {
  const controller = new AbortController()
  let reopen = () => {}
  const onTerminate = () => controller.abort()
  const onInterrupt = () => {
    process.off('SIGINT', onInterrupt)
    controller.abort()
  }
  const onReopen = () => reopen()
  process.on('SIGTERM', onTerminate).on('SIGINT', onInterrupt).on('SIGHUP', onReopen).on('SIGUSR2', onReopen)
  return {
    stop: controller.signal,
    onReopen(callback) {
      reopen = callback
    },
    [Symbol.dispose]() {
      process.off('SIGTERM', onTerminate).off('SIGINT', onInterrupt).off('SIGHUP', onReopen).off('SIGUSR2', onReopen)
    },
  }
}
