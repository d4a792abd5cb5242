/**
 * How every file is made: under a temporary name, exclusively and empty, it gets its final owner and
 * mode first and its content after; it is synced, and then put in its place. So the content never has
 * more rights or another owner than its final ones, is never seen partial, and nothing that was there
 * is changed in place. The temporary name is that of the file, not of the moment: what a crash left is
 * found again and removed.
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
  /** Absent: whoever writes it. */
  owner?: Ids
  /**
   * The rest is for a new file only: one that is there, and is root's or this account's, keeps its owner,
   * group, mode, access control list and extended attributes.
   */
  keepsThoseOf?: Ids
}

/**
 * Makes a file whole under a temporary name, and removes it where `place` does not take it away.
 * @param like an open file whose attributes it gets, besides owner and mode
 */
export function writeWhole(
  folder: Folder,
  name: string,
  bytes: Buffer,
  attributes: FileAttributes,
  place: (temporary: string) => void,
  like?: number,
): void {
  const temporary = folder.entry(name)
  rmSync(temporary, { force: true })
  const descriptor = create(temporary, attributes, like)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
    fsyncSync(descriptor)
    place(temporary)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Makes a file whole where nothing is yet.
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

/** An empty file with its final owner and mode; the mode on creation is the narrowest. */
function create(at: string, { mode, owner }: FileAttributes, like: number | undefined): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  // Another program opens it to copy attributes to it.
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
