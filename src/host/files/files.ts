/**
 * Reads and changes files of the target machine. Every file is made as whole-file.ts says, and its
 * folder is synced. Callers hold the setup lock.
 */
import {
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { KnownError } from '../../errors.ts'
import { type Ids, inside, ReadOnlyFiles, requireOurs } from './look.ts'
import { notAFile, openOrMakePlainFile, openPlainFile } from './plain-file.ts'
import { type FoundFile, readEntry } from './read-entry.ts'
import { type Entry, type FolderAttributes, isUnfinished, lookAt, makeFolder, O_PATH, type Tree } from './tree.ts'
import { type FileAttributes, isTemporary, temporaryName, writeWhole, writeWholeIfFree } from './whole-file.ts'

/**
 * A change that makes a file what it should be, or removes the temporary file that an interrupted run left beside it.
 */
export interface FileChange {
  /** What is there now; undefined when nothing is. */
  before: FoundFile | undefined
  apply(): void
}

export class Files extends ReadOnlyFiles {
  /** Whether owners can be set; else they are left as they are. */
  readonly #privileged: boolean

  constructor(tree: Tree, privileged: boolean) {
    super(tree)
    this.#privileged = privileged
  }

  /**
   * Compares a file with what it should be.
   * @returns null when bytes, mode and owner are right and no interrupted run left anything beside it
   */
  plan(path: string, wanted: string | Buffer, attributes: FileAttributes): FileChange | null {
    return this.tree.explainFailure(path, 'read', () => this.#plan(path, Buffer.from(wanted), attributes))
  }

  #plan(path: string, bytes: Buffer, attributes: FileAttributes): FileChange | null {
    using entry = this.tree.open(path)
    const before = entry && readEntry(entry)
    if (entry && before) requireOurs(entry, before.stats, attributes.owner, attributes.preserveIfOwnedBy)
    const right =
      entry &&
      before?.bytes.equals(bytes) &&
      (attributes.preserveIfOwnedBy || this.#hasAttributes(before.stats, attributes)) &&
      !lookAt(entry.folder, temporaryName(entry.name))
    return right ? null : { before, apply: () => this.replace(path, before, bytes, attributes) }
  }

  /**
   * Writes a file as whole-file.ts says; missing folders on the way are made 0755.
   * @throws KnownError `refused-path`; `task-failed` when the file system does not take it
   */
  write(path: string, bytes: Buffer, attributes: FileAttributes): void {
    this.tree.explainFailure(path, 'written', () => this.#write(path, bytes, attributes, () => {}))
  }

  /**
   * Like write, but only while the file is still what the caller has read, so that nobody's change is overwritten.
   * @throws KnownError `busy` when it has changed
   */
  replace(path: string, seen: FoundFile | undefined, bytes: Buffer, attributes: FileAttributes): void {
    this.tree.explainFailure(path, 'written', () =>
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
    using kept = attributes.preserveIfOwnedBy ? openPlainFile(entry, constants.O_RDONLY) : undefined
    const wanted = kept ? { mode: kept.stats.mode & 0o7777, owner: kept.stats } : attributes
    const install = (temporary: string) => {
      requireSeen(entry)
      renameSync(temporary, entry.at)
    }
    writeWhole(
      entry.folder,
      temporaryName(entry.name),
      bytes,
      this.#attributesWeCanSet(wanted),
      install,
      kept?.descriptor,
    )
    entry.folder.sync()
  }

  /**
   * Writes a new file beside another one. It is made under the temporary name of that one,
   * so that the next write of it finds and removes what a crash left.
   * @returns false when something has that name; nothing was written then
   */
  writeBeside(path: string, name: string, bytes: Buffer, attributes: FileAttributes): boolean {
    return this.tree.explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      return writeWholeIfFree(
        entry.folder,
        temporaryName(entry.name),
        name,
        bytes,
        this.#attributesWeCanSet(attributes),
      )
    })
  }

  /**
   * Changes the owner of a folder, or of a plain file without a second name (hard link), from one account to another.
   * For root only. An entry of any other owner is left alone. It cannot be exchanged between check and change: it is
   * held by a descriptor (O_PATH).
   */
  handOver(path: string, from: Ids, to: Ids): void {
    this.tree.explainFailure(path, 'written', () => {
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

  /** Removes the temporary file that a crash left when this file, or one beside it, was made. */
  removeLeftover(path: string): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (entry) rmSync(entry.folder.entry(temporaryName(entry.name)), { force: true })
    })
  }

  /** Removes the temporary files that crashes left in a folder. */
  removeLeftovers(folder: string): void {
    this.tree.explainFailure(folder, 'written', () => {
      using entry = this.tree.open(inside(folder))
      if (!entry) return
      const left = readdirSync(entry.folder.entry('.')).filter(isTemporary)
      for (const name of left) rmSync(entry.folder.entry(name), { force: true })
    })
  }

  /** Makes a link, in place of a link or plain file that is there. */
  writeLink(path: string, target: string): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const there = lookAt(entry.folder, entry.name)
      if (there?.isSymbolicLink() && readlinkSync(entry.at) === target) return
      if (there && !there.isSymbolicLink() && !there.isFile()) throw notAFile(entry, there)
      const temporary = entry.folder.entry(temporaryName(entry.name))
      rmSync(temporary, { force: true })
      symlinkSync(target, temporary)
      renameSync(temporary, entry.at)
      entry.folder.sync()
    })
  }

  /** Removes a file if it still holds these bytes. */
  removeIfHolding(path: string, bytes: Buffer): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (entry && readEntry(entry)?.bytes.equals(bytes)) unlinkSync(entry.at)
    })
  }

  /**
   * Removes a plain file or a link, whoever owns it, and its temporary file that a crash left. Where there is nothing,
   * nothing happens.
   */
  remove(path: string): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry) return
      const there = lookAt(entry.folder, entry.name)
      if (there?.isDirectory()) throw notAFile(entry, there)
      this.removeLeftover(path)
      if (there) unlinkSync(entry.at)
      entry.folder.sync()
    })
  }

  /** Removes a folder if it is there and empty. */
  removeEmptyFolder(path: string): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.tree.open(path)
      if (!entry || !lookAt(entry.folder, entry.name)?.isDirectory() || this.list(path).length > 0) return
      rmdirSync(entry.at)
      entry.folder.sync()
    })
  }

  /**
   * Opens a plain file to append to (and to read), and creates it with the mode where it is missing. An existing file
   * loses the rights that are not in the mode. The caller closes it.
   */
  openToAppend(path: string, mode: number): number {
    return this.tree.explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const { descriptor, stats, isNew } = openOrMakePlainFile(entry, constants.O_RDWR | constants.O_APPEND, mode)
      try {
        setModeIfOurs(descriptor, isNew ? mode : stats.mode & mode)
        return descriptor
      } catch (error) {
        closeSync(descriptor)
        throw error
      }
    })
  }

  /**
   * Makes a folder, and missing ones above it (0755). An existing one is left as it is, also behind a link that root
   * made.
   */
  makeFolder(path: string, attributes: FolderAttributes): void {
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.#openToWrite(path)
      const there = lookAt(entry.folder, entry.name)
      if (there?.isDirectory() && !isUnfinished(there)) return
      if (there && !there.isDirectory() && this.folder(path)) return
      makeFolder(entry.folder, entry.name, this.#attributesWeCanSet(attributes))
    })
  }

  /** Makes a folder that only its owner may enter; on an existing one the rights of others are removed. */
  makePrivateFolder(path: string): void {
    this.makeFolder(path, { mode: 0o700 })
    this.tree.explainFailure(path, 'written', () => {
      using entry = this.tree.open(inside(path))
      if (!entry || !isOpenToOthers(entry.folder.stats)) return
      const descriptor = openSync(entry.folder.entry('.'), constants.O_RDONLY | constants.O_DIRECTORY)
      try {
        fchmodSync(descriptor, 0o700)
      } finally {
        closeSync(descriptor)
      }
    })
  }

  #openToWrite(path: string): Entry {
    const entry = this.tree.open(path, { create: { mode: 0o755 } })
    if (!entry) throw this.tree.refusal(path, 'has no folder')
    return entry
  }

  /** The attributes without an owner that we cannot set. */
  #attributesWeCanSet<A extends { mode: number; owner?: Ids }>(attributes: A): { mode: number; owner?: Ids } {
    const { mode, owner } = attributes
    if (!owner) return { mode }
    return this.#privileged ? { mode, owner } : { mode }
  }

  #hasAttributes(stats: Stats, attributes: FileAttributes): boolean {
    const { mode, owner } = this.#attributesWeCanSet(attributes)
    return (stats.mode & 0o7777) === mode && (!owner || (stats.uid === owner.uid && stats.gid === owner.gid))
  }
}

/** Whether anybody but its owner may enter or change a folder. */
export function isOpenToOthers({ mode }: Stats): boolean {
  return (mode & 0o077) !== 0
}

/** Sets the mode; a file of another account is left as it is, unless we are root. */
function setModeIfOurs(descriptor: number, mode: number): void {
  const { uid, mode: found } = fstatSync(descriptor)
  if ((found & 0o7777) !== mode && [uid, 0].includes(process.geteuid?.() ?? 0)) fchmodSync(descriptor, mode)
}

/** @throws KnownError `refused-path` */
function requireReplaceable(entry: Entry, { owner, preserveIfOwnedBy }: FileAttributes): void {
  const there = lookAt(entry.folder, entry.name)
  if (there && !there.isFile()) throw notAFile(entry, there)
  if (there) requireOurs(entry, there, owner, preserveIfOwnedBy)
}
