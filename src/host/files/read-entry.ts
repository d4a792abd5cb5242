/** How a plain file of the target machine is read: whole, never through a link, and with a size limit. */
import { constants, readSync, type Stats } from 'node:fs'
import { KnownError, systemCode } from '../../errors.ts'
import { openPlainFile, type PlainFile } from './plain-file.ts'
import type { Entry } from './tree.ts'

/** More than any of our files holds; a larger file is an error. */
export const usualLimitBytes = 1024 * 1024

/** A file that was read: its bytes, owner and mode. */
export interface FoundFile {
  bytes: Buffer
  stats: Stats
}

/**
 * @param limitBytes for a file that other programs let grow
 * @returns undefined when nothing is there
 * @throws KnownError `refused-path` for a link, folder, device or fifo; `task-failed` when it cannot be read
 */
export function readEntry(entry: Entry, limitBytes = usualLimitBytes): FoundFile | undefined {
  using file = open(entry)
  if (!file) return undefined
  if (file.stats.size > limitBytes) throw tooLarge(entry, limitBytes)
  const bytes = readUpTo(file.descriptor, limitBytes + 1)
  if (bytes.length > limitBytes) throw tooLarge(entry, limitBytes)
  return { bytes, stats: file.stats }
}

function open(entry: Entry): PlainFile | undefined {
  try {
    return openPlainFile(entry, constants.O_RDONLY)
  } catch (error) {
    if (error instanceof KnownError) throw error
    const hint = `look at it with: ls -l ${entry.folder.quotedPathOf(entry.name)}`
    throw new KnownError('task-failed', `${entry.path} cannot be read (${systemCode(error)})`, hint, { cause: error })
  }
}

/** Reads up to a limit, and does not rely on the size of the file, which may grow while it is read. */
export function readUpTo(descriptor: number, limitBytes: number): Buffer {
  const parts: Buffer[] = []
  let length = 0
  while (length < limitBytes) {
    const part = Buffer.allocUnsafe(Math.min(64 * 1024, limitBytes - length))
    const count = readSync(descriptor, part)
    if (count === 0) break
    parts.push(part.subarray(0, count))
    length += count
  }
  return Buffer.concat(parts)
}

function tooLarge(entry: Entry, limitBytes: number): KnownError {
  const hint = `look at it with: ls -l ${entry.folder.quotedPathOf(entry.name)}; no file that is read here is that large`
  return new KnownError('task-failed', `${entry.path} is larger than ${limitBytes} bytes`, hint)
}
