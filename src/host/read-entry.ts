/** How a plain file of the target machine is read: whole, never through a link, never waiting for a fifo. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { KnownError, systemCode } from '../errors.ts'
import { type Entry, refused } from './tree.ts'

/** More than any file of ours holds; a larger one is not read whole. */
const readLimitBytes = 1024 * 1024

/** What is at a path: bytes, owner and mode. */
export interface FoundFile {
  bytes: Buffer
  stats: Stats
}

/**
 * @returns undefined when nothing is there
 * @throws KnownError `refused-path` for a link, folder, device or fifo; `task-failed` when it cannot be read
 */
export function readEntry(entry: Entry): FoundFile | undefined {
  let descriptor: number
  try {
    // O_NONBLOCK: a planted fifo must not hold us up.
    descriptor = openSync(entry.at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return explainUnreadable(entry, error)
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw notAFile(entry.path, stats)
    if (stats.size > readLimitBytes) throw tooLarge(entry.path)
    return { bytes: readFileSync(descriptor), stats }
  } finally {
    closeSync(descriptor)
  }
}

function explainUnreadable(entry: Entry, error: unknown): undefined {
  const code = systemCode(error)
  if (code === 'ENOENT') return undefined
  if (code === 'ELOOP') throw refused(entry.path, 'is a link')
  if (code === 'ENXIO') throw refused(entry.path, 'is not a plain file')
  throw new KnownError(
    'task-failed',
    `${entry.path} cannot be read (${code})`,
    `look at it with: ls -l ${entry.path}`,
    {
      cause: error,
    },
  )
}

/** Something is there that is no plain file. */
export function notAFile(path: string, stats: Stats): KnownError {
  return refused(
    path,
    stats.isDirectory() ? 'is a folder' : stats.isSymbolicLink() ? 'is a link' : 'is not a plain file',
  )
}

function tooLarge(path: string): KnownError {
  const hint = `look at it with: ls -l ${path}; move it away, then run again`
  return new KnownError('task-failed', `${path} is larger than ${readLimitBytes} bytes`, hint)
}
