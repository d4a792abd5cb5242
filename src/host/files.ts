/**
 * Files of the target machine.
 *
 * Policy of every write: a new file under a temporary name, made exclusively and empty, gets its
 * final owner and mode first and its content after; it is synced, renamed to its place, and the
 * folder is synced. So the content never has more rights or another owner than its final ones, is
 * never seen partial, and nothing that was there is changed in place. The temporary name is that of
 * the file, not of the moment: what a crash left is found again and removed. Callers hold the setup
 * lock, but for writeUnlocked.
 */
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { KnownError } from '../errors.ts'
import { explainFailure, whyItFailed } from './explain-failure.ts'
import { type FoundFile, notAFile, readEntry } from './read-entry.ts'
import {
  type Entry,
  type FolderAttributes,
  isUnfinished,
  lookAt,
  makeFolder,
  O_PATH,
  othersCanWrite,
  refused,
  type Tree,
} from './tree.ts'

/** Numeric owner and group. */
export interface Ids {
  uid: number
  gid: number
}

export interface FileAttributes {
  mode: number
  /** Absent: whoever writes it. */
  owner?: Ids
}

/** What a file should become, or the removal of what an interrupted run left beside it. */
export interface FileChange {
  /** What is there now; undefined when nothing is. */
  before: FoundFile | undefined
  apply(): void
}

export class Files {
  readonly tree: Tree
  /** Without privileges owners are left as they are. */
  readonly #privileged: boolean

  constructor(tree: Tree, privileged: boolean) {
    this.tree = tree
    this.#privileged = privileged
  }

  /**
   * Reads a regular file. Links at its end are followed only with `followLast`, for what is never written.
   * @returns undefined when there is none
   * @throws KnownError `refused-path` for a link, folder, device or fifo; `task-failed` when it cannot be read
   */
  read(path: string, options: { followLast?: boolean } = {}): FoundFile | undefined {
    return explainFailure(path, 'read', () => {
      using entry = this.tree.open(path, options)
      return entry && readEntry(entry)
    })
  }

  /** Owner, mode and kind of what is at the path, links not followed; undefined when there is nothing. */
  stat(path: string): Stats | undefined {
    return explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      return entry && lookAt(entry.folder, entry.name)
    })
  }

  /**
   * Refuses a file of an account that has no business there, in a folder where it could have put one.
   * @throws KnownError `refused-path`
   */
  requireOurs(path: string, owner: Ids): void {
    explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      const there = entry && lookAt(entry.folder, entry.name)
      if (there) requireOurs(entry, there, owner)
    })
  }

  /**
   * Compares a file with what it should be.
   * @returns null when bytes, mode and owner are right and no interrupted run left anything beside it
   */
  plan(path: string, wanted: string | Buffer, attributes: FileAttributes): FileChange | null {
    return explainFailure(path, 'read', () => this.#plan(path, Buffer.from(wanted), attributes))
  }

  #plan(path: string, bytes: Buffer, attributes: FileAttributes): FileChange | null {
    using entry = this.tree.open(path)
    const before = entry && readEntry(entry)
    if (entry && before) requireOurs(entry, before.stats, attributes.owner)
    const right =
      entry &&
      before?.bytes.equals(bytes) &&
      this.#hasAttributes(before.stats, attributes) &&
      !lookAt(entry.folder, temporaryName(entry.name))
    return right ? null : { before, apply: () => this.replace(path, before, bytes, attributes) }
  }

  /**
   * Writes a file as the policy above says; missing folders on the way are made 0755.
   * @throws KnownError `refused-path`; `task-failed` when the file system does not take it
   */
  write(path: string, bytes: Buffer, attributes: FileAttributes): void {
    explainFailure(path, 'written', () => this.#write(path, bytes, attributes, () => {}))
  }

  /**
   * Like write, for who does not hold the lock: the temporary name is the writer's too, whoever holds
   * the lock may take it away (removeLeftovers), and no folder is made.
   * @param writer ends the temporary name; nobody else's
   * @param mayStill asked at the last moment
   */
  writeUnlocked(
    path: string,
    bytes: Buffer,
    attributes: FileAttributes,
    writer: string,
    mayStill: () => boolean,
  ): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry) return
      requireReplaceable(entry, attributes)
      const place = (temporary: string) => (mayStill() ? renameSync(temporary, entry.at) : unlinkSync(temporary))
      this.#writeTemporary(entry, temporaryName(entry.name) + writer, bytes, attributes, place)
      entry.folder.sync()
    })
  }

  /**
   * Like write, but only while the file is what the caller has seen, so that nothing is replaced
   * that nobody has looked at.
   * @throws KnownError `busy` when it is no longer
   */
  replace(path: string, seen: FoundFile | undefined, bytes: Buffer, attributes: FileAttributes): void {
    explainFailure(path, 'written', () =>
      this.#write(path, bytes, attributes, (entry) => {
        const now = readEntry(entry)
        if (seen === undefined ? now === undefined : now?.bytes.equals(seen.bytes)) return
        const hint = 'run again, and look at what it says'
        throw new KnownError('busy', `${path} was changed by somebody else meanwhile; it was left as it is`, hint)
      }),
    )
  }

  #write(path: string, bytes: Buffer, attributes: FileAttributes, requireSeen: (entry: Entry) => void): void {
    using entry = this.#openToWrite(path)
    requireReplaceable(entry, attributes)
    this.#writeTemporary(entry, temporaryName(entry.name), bytes, attributes, (temporary) => {
      requireSeen(entry)
      renameSync(temporary, entry.at)
    })
    entry.folder.sync()
  }

  /**
   * Writes a file beside another one, where nothing is yet: throws EEXIST when something is. It is
   * made under the temporary name of its neighbour, so that who next writes that one finds what a crash left.
   */
  writeBeside(path: string, name: string, bytes: Buffer, attributes: FileAttributes): void {
    explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      this.#writeTemporary(entry, temporaryName(entry.name), bytes, attributes, (temporary) => {
        linkSync(temporary, entry.folder.entry(name))
        unlinkSync(temporary)
      })
      entry.folder.sync()
    })
  }

  /** Where a link leads; undefined for what is no link, and for nothing. */
  readLink(path: string): string | undefined {
    return explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      if (!entry || !lookAt(entry.folder, entry.name)?.isSymbolicLink()) return undefined
      return readlinkSync(entry.at)
    })
  }

  /**
   * Gives a folder, or a plain file that has no other name, from one account to another, for root.
   * Nothing happens to what is not that account's. What was looked at is what is given: it is held
   * by a descriptor that opens nothing.
   */
  handOver(path: string, from: Ids, to: Ids): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry || !lookAt(entry.folder, entry.name)) return
      const descriptor = openSync(entry.at, O_PATH | constants.O_NOFOLLOW)
      try {
        const stats = fstatSync(descriptor)
        const isAlone = stats.isDirectory() || (stats.isFile() && stats.nlink === 1)
        if (isAlone && stats.uid === from.uid) chownSync(`/proc/self/fd/${descriptor}`, to.uid, to.gid)
      } finally {
        closeSync(descriptor)
      }
    })
  }

  /** Removes what a crash left of the making of a file, or of something beside it. */
  removeLeftover(path: string): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (entry) rmSync(entry.folder.entry(temporaryName(entry.name)), { force: true })
    })
  }

  /** Removes from a folder what crashes left of the making of files, and what others are writing without the lock. */
  removeLeftovers(folder: string): void {
    explainFailure(folder, 'written', () => {
      using entry = this.tree.open(inside(folder))
      const names = entry ? readdirSync(entry.folder.entry('.')) : []
      for (const name of names.filter(isTemporary)) rmSync(entry?.folder.entry(name) ?? '', { force: true })
    })
  }

  /** Makes a link, in place of a link or plain file that is there. */
  writeLink(path: string, target: string): void {
    explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const there = lookAt(entry.folder, entry.name)
      if (there?.isSymbolicLink() && readlinkSync(entry.at) === target) return
      if (there && !there.isSymbolicLink() && !there.isFile()) throw notAFile(path, there)
      const temporary = entry.folder.entry(temporaryName(entry.name))
      rmSync(temporary, { force: true })
      symlinkSync(target, temporary)
      renameSync(temporary, entry.at)
      entry.folder.sync()
    })
  }

  /** Removes a file if it still holds these bytes. */
  removeIfHolding(path: string, bytes: Buffer): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (entry && readEntry(entry)?.bytes.equals(bytes)) unlinkSync(entry.at)
    })
  }

  /**
   * Removes a plain file or a link, whoever it belongs to, and what a crash left of its making;
   * nothing happens where nothing is.
   */
  remove(path: string): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry) return
      const there = lookAt(entry.folder, entry.name)
      if (there?.isDirectory()) throw notAFile(path, there)
      this.removeLeftover(path)
      if (there) unlinkSync(entry.at)
      entry.folder.sync()
    })
  }

  /** Removes a folder if it is there and empty. */
  removeEmptyFolder(path: string): void {
    explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry || !lookAt(entry.folder, entry.name)?.isDirectory() || this.list(path).length > 0) return
      rmdirSync(entry.at)
      entry.folder.sync()
    })
  }

  /**
   * Opens a plain file to append to (and to read), making it with the mode where it is missing. One
   * that is there loses the rights that are not in the mode. The caller closes it.
   */
  openToAppend(path: string, mode: number): number {
    return explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const flags =
        constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const isNew = lookAt(entry.folder, entry.name) === undefined
      const descriptor = openSync(entry.at, flags, mode)
      const stats = fstatSync(descriptor)
      if (stats.isFile()) {
        setModeIfOurs(descriptor, isNew ? mode : stats.mode & mode)
        return descriptor
      }
      closeSync(descriptor)
      throw notAFile(path, stats)
    })
  }

  /** Whether the modes let an account append to the file, or make it where it is missing. */
  mayAppend(path: string, ids: Ids): boolean {
    return explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      if (!entry) return false
      return mayWrite(lookAt(entry.folder, entry.name) ?? entry.folder.stats, ids)
    })
  }

  /** Names in a folder; empty when there is no such folder. */
  list(path: string): string[] {
    return explainFailure(path, 'read', () => {
      using entry = this.tree.open(inside(path))
      return entry ? readdirSync(entry.folder.entry('.')) : []
    })
  }

  /** Why nothing could be made at this path, looking at the nearest folder that exists; undefined when it could. */
  closedFolder(path: string): { path: string; why: string } | undefined {
    const names = path.split('/').filter((name) => name !== '')
    for (let depth = names.length - 1; depth >= 0; depth -= 1) {
      const folder = `/${names.slice(0, depth).join('/')}`
      using entry = this.tree.open(inside(folder))
      if (!entry) continue
      try {
        accessSync(entry.folder.entry('.'), constants.W_OK)
        return undefined
      } catch (error) {
        return { path: folder, why: whyItFailed(error) ?? 'unknown error' }
      }
    }
    return undefined
  }

  /** Owner and mode of the root itself. */
  rootStats(): Stats {
    return explainFailure('/', 'read', () => statSync(this.tree.root))
  }

  /** Makes a folder, and missing ones above it (0755); one that exists is left as it is. */
  makeFolder(path: string, attributes: FolderAttributes): void {
    explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const there = lookAt(entry.folder, entry.name)
      if (there?.isDirectory() && !isUnfinished(there)) return
      if (there && !there.isDirectory()) throw refused(path, 'is in the way of a folder')
      makeFolder(entry.folder, entry.name, this.#settable(attributes))
    })
  }

  #openToWrite(path: string): Entry {
    const entry = this.tree.open(path, { create: { mode: 0o755 } })
    if (!entry) throw refused(path, 'has no folder')
    return entry
  }

  /** Makes the file whole under its temporary name, and removes that where `place` does not take it away. */
  #writeTemporary(
    { folder }: Entry,
    name: string,
    bytes: Buffer,
    attributes: FileAttributes,
    place: (temporary: string) => void,
  ): void {
    const temporary = folder.entry(name)
    rmSync(temporary, { force: true })
    const descriptor = this.#create(temporary, attributes)
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

  /** An empty file with its final owner and mode; the mode on creation is the narrowest. */
  #create(at: string, attributes: FileAttributes): number {
    const descriptor = openSync(
      at,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o400,
    )
    try {
      const { mode, owner } = this.#settable(attributes)
      if (owner) fchownSync(descriptor, owner.uid, owner.gid)
      fchmodSync(descriptor, mode)
      return descriptor
    } catch (error) {
      closeSync(descriptor)
      unlinkSync(at)
      throw error
    }
  }

  /** The attributes without an owner that we cannot set. */
  #settable<A extends { mode: number; owner?: Ids }>(attributes: A): { mode: number; owner?: Ids } {
    const { mode, owner } = attributes
    if (!owner) return { mode }
    return this.#privileged ? { mode, owner } : { mode }
  }

  #hasAttributes(stats: Stats, attributes: FileAttributes): boolean {
    const { mode, owner } = this.#settable(attributes)
    return (stats.mode & 0o7777) === mode && (!owner || (stats.uid === owner.uid && stats.gid === owner.gid))
  }
}

/** A path whose folder is the given one: what is to be opened is the folder itself. */
function inside(folder: string): string {
  return `${folder}/any`
}

/** The mode of a file that another account has made is that account's business. */
function setModeIfOurs(descriptor: number, mode: number): void {
  const { uid, mode: found } = fstatSync(descriptor)
  if ((found & 0o7777) !== mode && [uid, 0].includes(process.geteuid?.() ?? 0)) fchmodSync(descriptor, mode)
}

function mayWrite({ uid, gid, mode }: Stats, ids: Ids): boolean {
  if (ids.uid === 0) return true
  const bit = uid === ids.uid ? 0o200 : gid === ids.gid ? 0o020 : 0o002
  return (mode & bit) !== 0
}

/** @throws KnownError `refused-path` */
function requireReplaceable(entry: Entry, { owner }: FileAttributes): void {
  const there = lookAt(entry.folder, entry.name)
  if (there && !there.isFile()) throw notAFile(entry.path, there)
  if (there) requireOurs(entry, there, owner)
}

function isTemporary(name: string): boolean {
  return /^\..*\.frameworkd-new/.test(name)
}

function temporaryName(name: string): string {
  return `.${name}.frameworkd-new`
}

function requireOurs(entry: Entry, stats: Stats, owner: Ids | undefined): void {
  const known = [0, process.geteuid?.(), owner?.uid]
  if (!known.includes(stats.uid) && othersCanWrite(entry.folder.stats)) {
    throw refused(entry.path, `belongs to a stranger (uid ${stats.uid}) in a folder that others may write`)
  }
}
