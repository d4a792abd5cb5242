/**
 * How every file is made: under a temporary name, exclusively and empty, it gets its final owner and
 * mode first and its content after; it is synced, and then renamed or linked to its path. So the content never has
 * more rights or another owner than its final ones, is never seen partial, and no existing file
 * is changed in place. The temporary name depends on the file's name alone, so that the next run finds and
 * removes what a crash left.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { systemCode } from '../../errors.ts'
import { copyAttributes } from './copy-attributes.ts'
import type { Ids } from './look.ts'
import type { Folder } from './tree.ts'

export interface FileAttributes {
  mode: number
  /** Absent: the account that writes it. */
  owner?: Ids
  /**
   * Where it is given, `mode` and `owner` are for a new file only: an existing one that belongs to root or to this
   * account keeps its owner, group, mode, access control list and extended attributes.
   */
  preserveIfOwnedBy?: Ids
}

/**
 * Makes a whole file under a temporary name. `install` moves it to its path; where that fails, it is removed.
 * @param like an open file whose attributes it gets, besides owner and mode
 */
export function writeWhole(
  folder: Folder,
  name: string,
  bytes: Buffer,
  attributes: FileAttributes,
  install: (temporary: string) => void,
  like?: number,
): void {
  const temporary = folder.entry(name)
  rmSync(temporary, { force: true })
  const descriptor = create(temporary, attributes, like)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
    fsyncSync(descriptor)
    install(temporary)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Makes a whole file at a path where there is nothing yet.
 * @param temporary the name that it is made under
 * @returns false when something has its name; nothing was written then
 */
export function writeWholeIfFree(
  folder: Folder,
  temporary: string,
  name: string,
  bytes: Buffer,
  attributes: FileAttributes,
): boolean {
  let isFree = true
  writeWhole(folder, temporary, bytes, attributes, (at) => {
    isFree = linkIfFree(at, folder.entry(name))
    unlinkSync(at)
  })
  folder.sync()
  return isFree
}

/** @returns false when something has that name */
function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Creates an empty file and gives it its final owner and mode; until then only its owner has rights. */
function create(at: string, { mode, owner }: FileAttributes, like: number | undefined): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  // cp(1) opens it to copy attributes to it, and needs the right to write.
  const descriptor = openSync(at, flags, like === undefined ? 0o400 : 0o600)
  try {
    if (owner) fchownSync(descriptor, owner.uid, owner.gid)
    if (like !== undefined) copyAttributes(like, descriptor)
    fchmodSync(descriptor, mode)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    unlinkSync(at)
    throw error
  }
}

export function temporaryName(name: string): string {
  return `.${name}.frameworkd-new`
}

export function isTemporary(name: string): boolean {
  return /^\..*\.frameworkd-new$/.test(name)
}
