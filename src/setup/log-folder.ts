import { KnownError } from '../errors.ts'
import { paths } from '../paths.ts'
import type { Settings } from '../settings/resolve.ts'
import { logFolderOf } from '../settings/values/log-files.ts'
import { quotedForeignText } from '../text/printable.ts'

/**
 * The folder of the logs, for files of other programs.
 * @throws KnownError `configuration`: root's programs read this path, and whoever can write the
 *   table must not be able to tell them more than a path
 */
export function logFolder(settings: Settings): string {
  const { logDir, sources } = settings
  const folder = logFolderOf(settings)
  if (isPlain(folder) && !/\/\.\.?(\/|$)/.test(folder)) return folder
  throw new KnownError(
    'configuration',
    `${sources.logDir}: ${quotedForeignText(logDir)} is not a plain path of a folder`,
    `use letters, digits, blanks and . _ - @ + , : only, such as ${paths.logs}/`,
  )
}

/**
 * Whether a path has only letters and digits of any language, and a few signs. ASCII is tried first: Unicode takes
 * Node 2 ms.
 */
function isPlain(folder: string): boolean {
  return /^(\/[\w.@+,: -]+)+$/.test(folder) || /^(\/[\p{L}\p{N}_.@+,: -]+)+$/u.test(folder)
}
