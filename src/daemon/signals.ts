/** The signals of the daemon. */
export interface Signals {
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal
  /** Calls back at each SIGHUP (reload), and at once when one came before the callback was given. */
  onReload(callback: () => void): void
  /** Calls back at each SIGUSR2 (the logs were rotated). */
  onReopen(callback: () => void): void
}

/** `128 + SIGINT`, as a shell would report it. */
const interruptedCode = 130

/**
 * Listens until the process ends: a signal that comes late must not kill a process that is ending well.
 * bin handles SIGUSR1 before anything else, and a SIGTERM that comes before this is called.
 * @param foreground a second Ctrl-C ends the process at once
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
  // The handler of bin ends the process at once: it was for the time when there was nothing to stop.
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
