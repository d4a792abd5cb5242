import { describeError } from '../../errors.ts'
import type { Logs } from './logs.ts'

/** Puts what nobody caught into the log, since nobody may be looking at a console; the process ends as it would have. */
export function logCrashes(logs: Logs): Disposable {
  const onCrash = (error: unknown) => logs.error(`Ending because of ${describeError(error)}`)
  process.on('uncaughtExceptionMonitor', onCrash)
  return { [Symbol.dispose]: () => process.off('uncaughtExceptionMonitor', onCrash) }
}
