import { KnownError } from '../errors.ts'

/**
 * Listens for Ctrl-C, SIGTERM and a terminal that hangs up, until the process ends: a signal that
 * comes after the work must not kill a process that is ending well.
 * @returns a signal that they abort, with the error that the program then ends with
 */
export function listenForInterrupts(): AbortSignal {
  const controller = new AbortController()
  const hint = 'run it again: it continues from here'
  const onInterrupt = () => controller.abort(new KnownError('interrupted', 'interrupted', hint))
  const onTerminate = () => controller.abort(new KnownError('terminated', 'terminated', hint))
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate)
  return controller.signal
}
