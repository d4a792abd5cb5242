import { KnownError, systemCode } from '../../errors.ts'
import { programPath, programs } from '../../paths.ts'

/**
 * Gives an open file the access control list and the extended attributes of another one, with its mode,
 * and its owner where we may. Node has no calls for these: cp(1) of coreutils has, and takes descriptors
 * by their names in /proc.
 * @throws KnownError `command-failed`
 */
export function copyAttributes(from: number, to: number): void {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const child = spawnSync(
    programs.copy,
    ['--attributes-only', '--preserve=all', '--no-target-directory', '/proc/self/fd/3', '/proc/self/fd/4'],
    { stdio: ['ignore', 'ignore', 'ignore', from, to], env: { PATH: programPath, LC_ALL: 'C' } },
  )
  if (child.status === 0) return
  const why = child.error ? systemCode(child.error) : `it ended with ${child.status ?? child.signal}`
  throw new KnownError(
    'command-failed',
    `${programs.copy} cannot keep a file's attributes: ${why}`,
    'install coreutils',
    {
      cause: child.error,
    },
  )
}
