/** What signals ask of the daemon. */
export interface Signals extends Disposable {
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
 * Listens from now on. SIGUSR1 is dealt with in bin, before anything else.
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
  const entries = Object.entries(handlers) as [NodeJS.Signals, () => void][]
  for (const [signal, handler] of entries) process.on(signal, handler)
  return {
    stop: controller.signal,
    onReload(callback) {
      reload = callback
      if (reloadWasAsked) callback()
    },
    onReopen(callback) {
      reopen = callback
    },
    [Symbol.dispose]() {
      for (const [signal, handler] of entries) process.off(signal, handler)
    },
  }
}
