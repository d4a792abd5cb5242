import { KnownError } from '../errors.ts'
import type { Settings } from '../settings/resolve.ts'
import { quotedForeignText } from '../text/printable.ts'

/** The daemon's two logs (OSSIM `Logger.py`). */
export const logNames = ['frameworkd.log', 'frameworkd_error.log'] as const

/**
 * The folder of the logs, without a slash at its end.
 * @throws KnownError `configuration`: root's programs read this path, and whoever can write the
 *   table must not be able to tell them more than a path
 */
export function logFolder({ logDir, sources }: Settings): string {
  const folder = logDir.replace(/\/+$/, '')
  const isPlain = /^(\/[\p{L}\p{N}_.@+,: -]+)+$/u.test(folder) && !/\/\.\.?(\/|$)/.test(folder)
  if (isPlain) return folder
  throw new KnownError(
    'configuration',
    `${sources.logDir}: ${quotedForeignText(logDir)} is not a plain path of a folder`,
    'use letters, digits, blanks and . _ - @ + , : only, such as /var/log/ossim/',
  )
}
