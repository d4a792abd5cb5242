import { describeError } from '../../errors.ts'
import type { Logs } from './logs.ts'

/** Writes an uncaught error to the log, since nobody may be watching a console. The process ends all the same. */
export function logCrashes(logs: Logs): Disposable {
  const onCrash = (error: unknown) => logs.error(`Ending because of ${describeError(error)}`)
  process.on('uncaughtExceptionMonitor', onCrash)
  return { [Symbol.dispose]: () => process.off('uncaughtExceptionMonitor', onCrash) }
}
