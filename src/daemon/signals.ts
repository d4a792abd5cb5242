/** What signals ask of the daemon. */
export interface Signals {
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal
  /** Calls back at each SIGHUP, and at once when one came before: the settings were changed, the logs rotated. */
  onReload(callback: () => void): void
  /** Calls back at each SIGUSR2: the logs were rotated. */
  onReopen(callback: () => void): void
}

/** `128 + SIGINT`, as a shell would tell it. */
const interruptedCode = 130

/**
 * Listens until the process ends: a signal that comes late must not turn a clean end into another.
 * SIGUSR1 is dealt with in bin, before anything else, and a SIGTERM that comes before this.
 * @param foreground somebody may press Ctrl-C again, and then will not wait for anything
 */
export function listenForSignals({ foreground }: { foreground: boolean }): Signals {
  const controller = new AbortController()
  let interrupted = false
  let reloadWasAsked = false
  let reload = () => {
    reloadWasAsked = true
  }
  let reopen = () => {}
  const handlers = {
    SIGTERM: () => controller.abort(),
    SIGINT() {
      if (foreground && interrupted) process.exit(interruptedCode)
      interrupted = true
      controller.abort()
    },
    SIGHUP: () => reload(),
    SIGUSR2: () => reopen(),
  }
  const early = process.listeners('SIGTERM')
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler)
  // Of bin, for as long as there was nothing to stop.
  for (const handler of early) process.off('SIGTERM', handler)
  return {
    stop: controller.signal,
    onReload(callback) {
      reload = callback
      if (reloadWasAsked) callback()
    },
    onReopen(callback) {
      reopen = callback
    },
  }
}
