import { KnownError } from '../errors.ts'

/** An AbortSignal that Ctrl-C and SIGTERM abort, with the error that the program then ends with. */
export interface Interrupts extends Disposable {
  readonly signal: AbortSignal
}

/** Listens until disposed. */
export function listenForInterrupts(): Interrupts {
  const controller = new AbortController()
  const hint = 'run it again: it continues from here'
  const onInterrupt = () => controller.abort(new KnownError('interrupted', 'interrupted', hint))
  const onTerminate = () => controller.abort(new KnownError('terminated', 'terminated', hint))
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate).off('SIGHUP', onTerminate)
    },
  }
}
