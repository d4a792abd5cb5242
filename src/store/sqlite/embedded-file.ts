/**
 * The embedded store's file, which is checked before SQLite opens it. It lies in a folder of the service's
 * account, and in an image a stranger made it, so nothing in it is trusted:
 * - the folder is walked inside the root, without links; nobody but root and the owner can write it
 * - the file, and what SQLite keeps beside it, is absent or a plain file of the owner's with one name
 * - a journal names no other file: SQLite would look at that one, and may remove it (sqlite.org/atomiccommit.html,
 *   "super-journal")
 * - what SQLite opens is the file that was checked; its content may still change while it is read, so
 *   root's work on it has a time limit (host/processes/rights/watchdog.ts)
 * - its size is limited, and its schema is small, so that reading it ends
 */
import { constants, fstatSync, readdirSync, readlinkSync, readSync, type Stats, statSync } from 'node:fs'
import { KnownError, systemCode } from '../../errors.ts'
import { explainFailure } from '../../host/explain-failure.ts'
import type { Ids } from '../../host/files/look.ts'
import { notAFile, openPlainFile } from '../../host/files/plain-file.ts'
import { type Entry, type Folder, lookAt } from '../../host/files/tree.ts'
import type { Host } from '../../host/host.ts'
import type { Rights } from '../../host/processes/rights/rights.ts'
import { paths } from '../../paths.ts'
import { hasSmallSchema, usesWriteAheadLog } from './pages.ts'

/** Some thousand times the size of a store that holds all our rows. */
const fileLimitBytes = 64 * 1024 * 1024

/** SQLite's own limit for a path, its longest suffix `-journal` included (os_unix.c, MAX_PATHNAME). */
const pathLimitBytes = 512 - '-journal'.length - 1

/** What SQLite keeps beside a database. */
export const fileSuffixes = ['', '-journal', '-wal', '-shm'] as const

/** A journal that names a super-journal ends with these bytes. */
const superJournalMagic = Buffer.from('d9d505f920a163d7', 'hex')

/** A file that may be opened. */
export interface LocatedFile {
  /** The real path on the running machine; no part of it is a link. */
  path: string
  /** Of the file that was checked. */
  stats: Stats
  /** A transaction was interrupted, or is at work: opening the file may change it. */
  hasJournal: boolean
}

export class EmbeddedFile {
  /** The path for people, with the root in front. */
  readonly place: string
  readonly root: string
  readonly #host: Host
  readonly #owner: Ids
  /** The rights with which everything but the walk to the folder is done. */
  readonly #rights: Rights

  constructor(host: Host, owner: Ids, rights: Rights) {
    this.place = host.outside(paths.storeFile)
    this.root = host.tree.root
    this.#host = host
    this.#owner = owner
    this.#rights = rights
  }

  /**
   * Looks whether there is a store that may be opened.
   * @returns undefined when there is none
   * @throws KnownError `refused-path`, `database-refused`, `busy`; `task-failed` for any other error of the system
   */
  locate(): LocatedFile | undefined {
    return this.#explainErrors(() => this.#locate())
  }

  #locate(): LocatedFile | undefined {
    using entry = this.#host.tree.open(paths.storeFile)
    if (!entry) return undefined
    this.#requireOwnFolder(entry.folder)
    for (const suffix of fileSuffixes) this.#requireOwnFile(entry, suffix)
    const stats = lookAt(entry.folder, entry.name)
    if (!stats) return undefined
    return { path: pathOf(entry), stats, hasJournal: this.#hasJournal(entry) }
  }

  /** Makes the folder and an empty file, the owner's alone. */
  create(): LocatedFile {
    const owner = this.#owner
    this.#host.files.makeFolder(paths.storeFolder, { mode: 0o700, owner })
    this.#host.files.replace(paths.storeFile, undefined, Buffer.alloc(0), { mode: 0o600, owner })
    const made = this.locate()
    if (!made) throw this.#host.tree.refusal(paths.storeFile, 'was removed while it was made')
    return made
  }

  /**
   * Reads the file's header and schema. This process must not have it open in SQLite: closing it here would release
   * SQLite's locks (fcntl(2)).
   * @throws KnownError as locate; `busy` where it is another file than the one that was located
   */
  requireReadable(located: LocatedFile): void {
    this.#explainErrors(() => this.#requireReadable(located))
  }

  #requireReadable({ stats }: LocatedFile): void {
    using entry = this.#host.tree.open(paths.storeFile)
    using file = entry && this.#rights.run(() => openPlainFile(entry, constants.O_RDONLY))
    if (!file || !isSame(file.stats, stats)) throw this.#fileReplaced()
    const read = (bytes: Buffer, offset: number) => readSync(file.descriptor, bytes, 0, bytes.length, offset)
    if (usesWriteAheadLog(read)) {
      const hint = `turn it off: sqlite3 ${this.#quotedPath(paths.storeFile)} 'PRAGMA journal_mode = DELETE'`
      throw this.#refusal('it has a write-ahead log, which no store of ours has', hint)
    }
    if (!hasSmallSchema(read)) throw this.#refusal('its schema is larger than that of any store of ours')
  }

  /**
   * Checks that SQLite has opened the file that was located, before anything is read from it.
   * @throws KnownError `busy`
   */
  requireOpened({ stats }: LocatedFile): void {
    if (!readdirSync('/proc/self/fd').some((name) => isSame(statsOf(Number(name)), stats))) throw this.#fileReplaced()
  }

  /**
   * Turns an error of the system into a KnownError: one code where the owner must repair it, another where it passes.
   */
  #explainErrors<T>(look: () => T): T {
    try {
      return explainFailure(this.place, 'read', look)
    } catch (error) {
      const code = error instanceof KnownError ? systemCode(error.cause) : undefined
      if (code === 'EACCES' || code === 'EPERM') {
        const hint = `look at owner and mode of it and its folder: ls -la ${this.#quotedPath(paths.storeFolder)}`
        throw this.#refusal('its own account may not read it', hint, error)
      }
      if (code !== 'EAGAIN' && code !== 'ETXTBSY') throw error
      const hint = `try again later; look who holds it with: fuser -v ${this.#quotedPath(paths.storeFile)}`
      throw new KnownError('busy', `database ${this.place}: another program holds it`, hint, { cause: error })
    }
  }

  #fileReplaced(): KnownError {
    const hint = `run again; if it comes back, look who writes in ${this.#host.outside(paths.storeFolder)}`
    return new KnownError('busy', `database ${this.place}: it was exchanged while it was opened`, hint)
  }

  #requireOwnFolder({ stats }: Folder): void {
    const hint = `look at it with: ls -ld ${this.#quotedPath(paths.storeFolder)}; it is to be the owner's, mode 700`
    if (stats.uid !== 0 && !this.#isOwners(stats))
      throw this.#refusal(`its folder belongs to another account (uid ${stats.uid})`, hint)
    if ((stats.mode & 0o022) !== 0) throw this.#refusal('others can write its folder', hint)
  }

  #requireOwnFile(entry: Entry, suffix: string): void {
    const stats = lookAt(entry.folder, entry.name + suffix)
    if (!stats) return
    const path = entry.path + suffix
    if (!stats.isFile()) throw notAFile({ tree: entry.tree, path }, stats)
    if (stats.nlink !== 1) throw entry.tree.refusal(path, `has ${stats.nlink} names`)
    if (!this.#isOwners(stats)) {
      const hint = `look at it with: ls -l ${this.#quotedPath(path)}; it is to be the owner's, mode 600`
      throw this.#refusal(`${path} belongs to another account (uid ${stats.uid})`, hint)
    }
    if (stats.size > fileLimitBytes) throw this.#refusal(`${path} is larger than ${fileLimitBytes} bytes`)
  }

  #isOwners({ uid }: Stats): boolean {
    return uid === this.#owner.uid || (!this.#host.privileged && uid === process.geteuid?.())
  }

  #hasJournal(entry: Entry): boolean {
    const journal = { ...entry, path: `${entry.path}-journal`, at: `${entry.at}-journal` }
    using file = this.#rights.run(() => openPlainFile(journal, constants.O_RDONLY))
    if (!file || file.stats.size === 0) return false
    const end = Buffer.alloc(superJournalMagic.length)
    const count = readSync(file.descriptor, end, 0, end.length, Math.max(0, file.stats.size - end.length))
    if (count === end.length && end.equals(superJournalMagic))
      throw this.#refusal(`${journal.path} names another file that would be removed`)
    return true
  }

  #quotedPath(path: string): string {
    return this.#host.tree.quotedPath(path)
  }

  #refusal(why: string, hint = `restore ${this.place} from a backup, or move it away`, cause?: unknown): KnownError {
    return new KnownError('database-refused', `database ${this.place}: ${why}`, hint, { cause })
  }
}

function isSame(found: Stats | undefined, { dev, ino }: Stats): boolean {
  return found?.dev === dev && found.ino === ino
}

/** undefined for the descriptor with which the list itself was read: it is closed again. */
function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor)
  } catch {
    return undefined
  }
}

/** SQLite follows links and takes no descriptor. So it gets the real path of the folder that is open here. */
function pathOf({ tree, folder, name, path }: Entry): string {
  const there = readlinkSync(`/proc/self/fd/${folder.descriptor}`)
  if (!isSame(statSync(there, { throwIfNoEntry: false }), folder.stats))
    throw tree.refusal(path, 'was moved while it was opened')
  const found = `${there === '/' ? '' : there}/${name}`
  if (Buffer.byteLength(found) <= pathLimitBytes) return found
  throw new KnownError(
    'configuration',
    `the path of the embedded store has ${Buffer.byteLength(found)} bytes, and SQLite takes ${pathLimitBytes}`,
    'mount or move the tree to a place with a shorter name, then name that with --root',
  )
}
