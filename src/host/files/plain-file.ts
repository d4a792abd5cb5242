/**
 * How an existing file is opened: nothing is opened before it was checked. A descriptor that gives
 * no rights (O_PATH) holds the entry, whatever happens to its name; only when that is a plain
 * file, it is opened through the descriptor. So a device, fifo or socket that somebody named or
 * planted is never opened: for /dev/ptmx or a tape, opening alone has effects. Files that only look
 * plain are not opened either: reading those of /proc, /sys and similar file systems may
 * consume something (/proc/kmsg), or give what is no file at all (/proc/self/mem).
 */
import { closeSync, constants, fstatSync, openSync, type Stats, statfsSync } from 'node:fs'
import { systemCode } from '../../errors.ts'
import { type Entry, O_PATH, Tree } from './tree.ts'

/** A plain file that is open; disposing closes it. */
export interface PlainFile extends Disposable {
  readonly descriptor: number
  readonly stats: Stats
}

/**
 * Opens the plain file of an entry.
 * @param flags of open(2); flags that create a file or follow a link have no effect here
 * @returns undefined when nothing is there
 * @throws KnownError `refused-path` for a link, folder, device, fifo or socket; else the system's error
 */
export function openPlainFile(entry: Entry, flags: number): PlainFile | undefined {
  return openIfPlain(entry.at, constants.O_NOFOLLOW, flags, (stats) => notAFile(entry, stats))
}

/**
 * Like openPlainFile; creates the file where it is missing. Where another program creates it at the same moment, as
 * logrotate may, that file is opened.
 * @returns `isNew` where it was made here
 */
export function openOrMakePlainFile(entry: Entry, flags: number, mode: number): PlainFile & { isNew: boolean } {
  for (;;) {
    const found = openPlainFile(entry, flags)
    if (found) return { ...found, isNew: false }
    try {
      const made = plainFileOf(openSync(entry.at, flags | constants.O_CREAT | constants.O_EXCL, mode))
      return { ...made, isNew: true }
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
}

/** Like openPlainFile, for a path of the machine that runs us; links are followed. */
export function openPlainFileAt(path: string, flags: number): PlainFile | undefined {
  return openIfPlain(path, 0, flags, (stats) => notAFile({ tree: new Tree('/'), path }, stats))
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
    if (!stats.isFile() || isKernelFile(held)) throw refusal(stats)
    return plainFileOf(openSync(`/proc/self/fd/${held}`, flags | constants.O_NONBLOCK | constants.O_NOCTTY))
  } finally {
    closeSync(held)
  }
}

/** File systems without a disk, whose files the kernel generates (linux/magic.h). */
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

function isKernelFile(descriptor: number): boolean {
  return kernelFileSystems.has(statfsSync(`/proc/self/fd/${descriptor}`).type)
}

function plainFileOf(descriptor: number): PlainFile {
  return { descriptor, stats: fstatSync(descriptor), [Symbol.dispose]: () => closeSync(descriptor) }
}

/** An O_PATH descriptor of the entry, whatever it is; with O_NOFOLLOW also of a link itself. */
function hold(at: string, flags: number): number | undefined {
  try {
    return openSync(at, O_PATH | flags)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The refusal of an entry that is no plain file. */
export function notAFile({ tree, path }: Pick<Entry, 'tree' | 'path'>, stats: Stats): Error {
  return tree.refusal(
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
