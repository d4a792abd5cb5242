/**
 * How an existing file is opened: nothing is opened before it was looked at. A descriptor that gives
 * no rights (O_PATH) holds what is there, whatever happens to its name; only when that is a plain
 * file, it is opened through the descriptor. So no device, fifo or socket that somebody named or
 * planted ever is: for /dev/ptmx or a tape, the opening alone has effects.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { systemCode } from '../errors.ts'
import { type Entry, O_PATH, refused } from './tree.ts'

/** A plain file that is open; disposing closes it. */
export interface PlainFile extends Disposable {
  readonly descriptor: number
  readonly stats: Stats
}

/**
 * Opens the plain file of an entry.
 * @param flags how, of open(2); what would make a file or follow a link says nothing here
 * @returns undefined when nothing is there
 * @throws KnownError `refused-path` for a link, folder, device, fifo or socket; the system's error else
 */
export function openPlainFile(entry: Entry, flags: number): PlainFile | undefined {
  return openIfPlain(entry.at, constants.O_NOFOLLOW, flags, (stats) => notAFile(entry.path, stats))
}

/**
 * Like openPlainFile; where nothing is, makes the file. Somebody who makes it at the same moment, as a
 * rotation does, has made what we wanted.
 * @returns `isNew` where it was made here
 */
export function openOrMakePlainFile(entry: Entry, flags: number, mode: number): PlainFile & { isNew: boolean } {
  for (;;) {
    const found = openPlainFile(entry, flags)
    if (found) return { ...found, isNew: false }
    try {
      const made = opened(openSync(entry.at, flags | constants.O_CREAT | constants.O_EXCL, mode))
      return { ...made, isNew: true }
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
}

/** Like openPlainFile, for a path of the machine that runs us whose links are followed. */
export function openPlainFileAt(path: string, flags: number): PlainFile | undefined {
  return openIfPlain(path, 0, flags, (stats) => notAFile(path, stats))
}

function openIfPlain(
  at: string,
  lookFlags: number,
  flags: number,
  refusal: (stats: Stats) => Error,
): PlainFile | undefined {
  const held = hold(at, lookFlags)
  if (held === undefined) return undefined
  try {
    const stats = fstatSync(held)
    if (!stats.isFile()) throw refusal(stats)
    return opened(openSync(`/proc/self/fd/${held}`, flags | constants.O_NONBLOCK | constants.O_NOCTTY))
  } finally {
    closeSync(held)
  }
}

function opened(descriptor: number): PlainFile {
  return { descriptor, stats: fstatSync(descriptor), [Symbol.dispose]: () => closeSync(descriptor) }
}

/** A descriptor of whatever is there, with O_NOFOLLOW of a link itself. */
function hold(at: string, flags: number): number | undefined {
  try {
    return openSync(at, O_PATH | flags)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Something is there that is no plain file. */
export function notAFile(path: string, stats: Stats): Error {
  return refused(
    path,
    stats.isDirectory() ? 'is a folder' : stats.isSymbolicLink() ? 'is a link' : 'is not a plain file',
    'only a plain file may be there: mend that, then run again',
  )
}
