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
 * SIGUSR1 is dealt with in bin, before anything else.
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
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler)
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
