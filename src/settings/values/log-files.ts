/** The daemon's two logs: the names of the original (OSSIM `Logger.py`), in the folder of row frameworkd_log_dir. */

const logName = 'frameworkd.log'
export const logNames = [logName, errorLogOf(logName)] as const

/** The folder of the logs, without a slash at its end. */
export function logFolderOf({ logDir }: { logDir: string }): string {
  return logDir.replace(/\/+$/, '')
}

/** The file for all lines. */
export function logFileOf(settings: { logDir: string }): string {
  return `${logFolderOf(settings)}/${logName}`
}

/** The file for errors beside a log: its name with `_error` before the ending. */
export function errorLogOf(path: string): string {
  return path.replace(/(\.[^./]*)?$/, '_error$1')
}
