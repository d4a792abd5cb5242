/**
 * How an existing file is opened: nothing is opened before it was looked at. A descriptor that gives
 * no rights (O_PATH) holds what is there, whatever happens to its name; only when that is a plain
 * file, it is opened through the descriptor. So no device, fifo or socket that somebody named or
 * planted ever is: for /dev/ptmx or a tape, the opening alone has effects. Nor is what only seems to be
 * a plain file: those of /proc, /sys and their like are questions to the kernel, and to ask them may
 * take something away (/proc/kmsg), or tell what is no file of anybody's (/proc/self/mem).
 */
import { closeSync, constants, fstatSync, openSync, type Stats, statfsSync } from 'node:fs'
import { systemCode } from '../../errors.ts'
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
    if (!stats.isFile() || isKernels(held)) throw refusal(stats)
    return opened(openSync(`/proc/self/fd/${held}`, flags | constants.O_NONBLOCK | constants.O_NOCTTY))
  } finally {
    closeSync(held)
  }
}

/** File systems without a store, whose files the kernel makes up (linux/magic.h). */
const kernelFileSystems: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x62656570, // configfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0x6165676c, // pstore
  0xde5e81e4, // efivarfs
  0xcafe4a11, // bpf
  0x42494e4d, // binfmt_misc
  0x6e736673, // nsfs
  0x09041934, // anonymous inodes
])

function isKernels(descriptor: number): boolean {
  return kernelFileSystems.has(statfsSync(`/proc/self/fd/${descriptor}`).type)
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
    stats.isDirectory()
      ? 'is a folder'
      : stats.isSymbolicLink()
        ? 'is a link'
        : stats.isFile()
          ? "is one of the kernel's own"
          : 'is not a plain file',
    'only a plain file may be there: mend that, then run again',
  )
}
