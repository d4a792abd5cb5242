import type { Settings } from '../../settings/resolve.ts'
import { logFileOf } from '../../settings/values/log-files.ts'
import type { LogOptions } from './logs.ts'

/** `--log` for standard error alone, as containers want it. */
export const consoleAlone = '-'

/** The log file and its mode. @param logFile `--log`, instead of the one in row frameworkd_log_dir */
export function logDestination(settings: Settings, logFile: string | undefined): Pick<LogOptions, 'path' | 'mode'> {
  return { path: logFile === consoleAlone ? undefined : (logFile ?? logFileOf(settings)), mode: settings.logMode }
}
