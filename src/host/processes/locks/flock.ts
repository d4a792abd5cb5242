/**
 * flock(2) on one of our descriptors; Node has no call for it.
 *
 * - Where Node can call the C library (c-library.ts), that is tried first.
 * - It only tells whether it has worked, not why not. So where it cannot be called,
 *   and whenever it has failed, the program flock(1) (util-linux) decides: it locks the open file
 *   description that it inherits from us, and tells "held by another process" from an error. With the modules that
 *   are needed to start a program this takes 7 ms, a fifth of a run that changes nothing.
 */
import { KnownError, systemCode } from '../../../errors.ts'
import { programFolders, programs } from '../../../paths.ts'
import { callLibrary } from '../c-library.ts'

export type LockKind = 'exclusive' | 'shared'

/** As flock(2) and flock(1) name them; both without waiting. */
const kinds = { exclusive: { operation: 2 | 4, option: '-x' }, shared: { operation: 1 | 4, option: '-s' } } as const

/**
 * Locks an open file description without waiting.
 * @returns false while somebody else holds it
 * @throws KnownError `command-failed` where flock(1) is needed and does not work
 */
export function flock(descriptor: number, kind: LockKind): boolean {
  return lockByLibrary(descriptor, kinds[kind].operation) || lockByProgram(descriptor, kinds[kind].option)
}

/** @returns false where it has not worked, for whatever reason */
function lockByLibrary(descriptor: number, operation: number): boolean {
  const definitions = { flock: { arguments: ['i32', 'i32'], return: 'i32' } } as const
  return callLibrary(definitions, ({ flock }) => flock(descriptor, operation)) === 0
}

/** flock(1) ends with 1 when somebody else holds the lock. */
function lockByProgram(descriptor: number, option: string): boolean {
  // Loaded only here: most runs never need it.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const env = { PATH: programFolders.join(':') }
  const child = spawnSync(programs.lock, ['-n', option, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    env,
  })
  if (child.status === 0) return true
  if (child.status === 1) return false
  const why = child.error ? systemCode(child.error) : `it ended with ${child.status ?? child.signal}`
  throw new KnownError('command-failed', `${programs.lock} does not work: ${why}`, 'install the package util-linux', {
    cause: child.error,
  })
}
