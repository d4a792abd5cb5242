import type { Settings } from '../../settings/resolve.ts'
import type { LogOptions } from './logs.ts'

/** The log file and its mode. @param logFile `--log`, instead of the one in row frameworkd_log_dir */
export function logPlace(
  { logDir, logMode }: Settings,
  logFile: string | undefined,
): Pick<LogOptions, 'path' | 'mode'> {
  return { path: logFile ?? `${logDir.replace(/\/+$/, '')}/frameworkd.log`, mode: logMode }
}
