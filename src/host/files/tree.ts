/**
 * The folders of one machine: the one that runs us, or a tree below `--root`.
 *
 * Policy: a path is walked from the root, one component at a time, holding a descriptor of each
 * folder, so that nothing on the way can be exchanged between check and use. Links are resolved
 * inside the root. An entry that an untrusted account could have planted is refused, not followed:
 * - a link that neither root nor we own, or in a folder that neither root nor we own
 * - a folder of one owner inside a folder of another who is not root (systemd's "unsafe transition")
 * - anything below a folder that everybody may write, unless it is sticky
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'
import { KnownError, systemCode } from '../../errors.ts'
import { quoteForShell } from '../../text/command-line.ts'
import { explainFailure } from '../explain-failure.ts'

/** Linux's open(2) flag for a descriptor that only holds an entry and gives no right to read it. */
export const O_PATH = 0o10000000
const linkLimit = 40

/** A folder held open, and the name of an entry in it that may or may not exist. */
export interface Entry extends Disposable {
  readonly tree: Tree
  /** The path as people know it, without the root. */
  readonly path: string
  readonly name: string
  readonly folder: Folder
  /** The path for system calls. It leads through the descriptor, so that the parents cannot be exchanged. */
  readonly at: string
}

/** A folder held open. */
export class Folder implements Disposable {
  readonly descriptor: number
  readonly stats: Stats

  constructor(descriptor: number) {
    this.descriptor = descriptor
    this.stats = fstatSync(descriptor)
  }

  entry(name: string): string {
    return `/proc/self/fd/${this.descriptor}/${name}`
  }

  /** Where the kernel says that it is, from the root of the machine that runs us. */
  get path(): string {
    return readlinkSync(`/proc/self/fd/${this.descriptor}`)
  }

  /** The path of an entry, likewise, quoted for commands that people are told to type. */
  quotedPathOf(name: string): string {
    return quoteForShell(join(this.path, name))
  }

  /** Syncs the folder, so that renames, links and removals in it survive a power loss. */
  sync(): void {
    const descriptor = openSync(this.entry('.'), constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor)
  }
}

/** Owner and mode of a folder that is made during a walk. */
export interface FolderAttributes {
  mode: number
  owner?: { uid: number; gid: number }
}

export interface WalkOptions {
  /** Makes missing folders; without it a missing one ends the walk with undefined. */
  create?: FolderAttributes
  /** Follow a link at the path itself, too: for files that are only read. */
  followLast?: boolean
  /** Called with each folder that is looked into on the way, the root first. */
  visit?(folder: Folder): void
}

export class Tree {
  /** Absolute; `/` for the running machine. */
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  /** A path as a program outside the root has to name it. */
  outside(path: string): string {
    return this.root === '/' ? path : `${this.root}${path}`
  }

  /** Likewise, quoted for commands that people are told to type. */
  quotedPath(path: string): string {
    return quoteForShell(this.outside(path))
  }

  /**
   * Walks to the folder that holds `path`.
   * @returns undefined when a folder on the way is missing and was not to be made
   * @throws KnownError `refused-path` for an entry that the policy refuses or that is no folder, `task-failed`
   * for an error of the system
   */
  open(path: string, options: WalkOptions = {}): Entry | undefined {
    return this.explainFailure(path, options.create ? 'written' : 'read', () => this.#walk(path, options))
  }

  /** Does work on a file of the tree (explain-failure.ts); commands in its hint name the file with the root in front. */
  explainFailure<T>(path: string, what: 'read' | 'written', work: () => T): T {
    return explainFailure(path, what, work, this.outside(path))
  }

  /**
   * A refusal to write or follow an entry. The machine may need that entry, so the hint does not tell people to remove
   * it.
   * @param then what to do after looking at every part of the path (namei(1), of util-linux)
   */
  refusal(path: string, why: string, then = 'mend what is there, then run again'): KnownError {
    const hint = `look at it with: namei -l ${this.quotedPath(path)}; ${then}`
    return new KnownError('refused-path', `${path} ${why}`, hint)
  }

  #walk(path: string, options: WalkOptions): Entry | undefined {
    const opened: Folder[] = []
    try {
      opened.push(openRootFolder(this.root))
      let names = split(path)
      let links = 0
      for (;;) {
        const folder = opened.at(-1) as Folder
        const name = names.shift()
        if (name === undefined) throw this.refusal(path, 'names a folder, not an entry of one')
        if (name === '..') {
          if (opened.length > 1) opened.pop()?.[Symbol.dispose]()
          continue
        }
        const last = names.length === 0
        this.#requireTrustedFolder(folder, path)
        options.visit?.(folder)
        if (last && !options.followLast) return this.#entryOf(path, name, opened.pop() as Folder)
        const there = last ? undefined : openIfFolder(folder, name)
        if (there && !(options.create && isUnfinished(there.stats))) {
          opened.push(there)
          this.#requireSafeTransition(folder, there, name, path)
          continue
        }
        there?.[Symbol.dispose]()
        const stats = lookAt(folder, name)
        if (stats?.isSymbolicLink()) {
          this.#requireTrustedLink(folder, name, stats, path)
          links += 1
          if (links > linkLimit) throw this.refusal(path, 'leads through too many links')
          const target = readlinkSync(folder.entry(name))
          if (target.startsWith('/')) for (const one of opened.splice(1).reverse()) one[Symbol.dispose]()
          names = [...split(target), ...names]
          continue
        }
        if (last) return this.#entryOf(path, name, opened.pop() as Folder)
        if (stats && !stats.isDirectory()) throw this.#notAFolder(path, name)
        if (!stats && !options.create) return undefined
        // The folder is missing or unfinished, or another process has just made it.
        if (options.create) makeFolder(folder, name, options.create)
        const made = openIfFolder(folder, name)
        if (!made) throw this.#notAFolder(path, name)
        opened.push(made)
        this.#requireSafeTransition(folder, made, name, path)
      }
    } finally {
      for (const folder of opened) folder[Symbol.dispose]()
    }
  }

  #requireTrustedFolder(folder: Folder, path: string): void {
    const { mode } = folder.stats
    if (mode & 0o002 && !(mode & 0o1000))
      throw this.refusal(
        path,
        'is below a folder that everybody may write',
        `take that right away: chmod o-w ${folder.quotedPathOf('')}, then run again`,
      )
  }

  #requireTrustedLink(folder: Folder, name: string, link: Stats, path: string): void {
    if (!isTrusted(link.uid) || !isTrusted(folder.stats.uid)) {
      throw this.refusal(
        path,
        'leads through a link that another account could have planted',
        giveToRoot(folder, isTrusted(link.uid) ? '' : name),
      )
    }
  }

  #requireSafeTransition(parent: Folder, folder: Folder, name: string, path: string): void {
    if (isTrusted(parent.stats.uid) || folder.stats.uid === parent.stats.uid) return
    throw this.refusal(path, `is below ${name}, which another account could have planted`, giveToRoot(parent, ''))
  }

  #notAFolder(path: string, name: string): KnownError {
    return this.refusal(path, `is below ${name}, which is not a folder`)
  }

  #entryOf(path: string, name: string, folder: Folder): Entry {
    return { tree: this, path, name, folder, at: folder.entry(name), [Symbol.dispose]: () => folder[Symbol.dispose]() }
  }
}

/** @throws KnownError `preflight`; without /proc every entry of every folder would seem to be missing */
function openRootFolder(root: string): Folder {
  try {
    const folder = new Folder(openSync(root, O_PATH | constants.O_DIRECTORY))
    if (existsSync(folder.entry('.'))) return folder
    folder[Symbol.dispose]()
  } catch (error) {
    const hint = 'name an existing folder that you may enter with --root'
    throw new KnownError('preflight', `root: ${root} cannot be entered (${systemCode(error)})`, hint, { cause: error })
  }
  const hint = `mount it: mount -t proc proc /proc; look who may enter the root with: ls -ld ${quoteForShell(root)}`
  throw new KnownError('preflight', `root: ${root} cannot be looked into, or /proc is not mounted`, hint)
}

/** The entry's own stats (a link is not followed), or undefined when there is none. */
export function lookAt(folder: Folder, name: string): Stats | undefined {
  return lstatSync(folder.entry(name), { throwIfNoEntry: false })
}

/** Whether an account other than root and ourselves could add or exchange entries of this folder. */
export function othersCanWrite(stats: Stats): boolean {
  return !isTrusted(stats.uid) || (stats.mode & 0o022 & ~groupBit(stats)) !== 0
}

/**
 * The group's write bit is ignored for our own group, where we are not root: such an account usually has a group of
 * its own. Root's group 0 may have members. With an access control list the bit is the list's mask, and stands for
 * everybody on the list (acl(5)).
 */
function groupBit(stats: Stats): number {
  return process.geteuid?.() !== 0 && stats.gid === process.getegid?.() ? 0o020 : 0
}

function isTrusted(uid: number, owner?: number): boolean {
  return uid === 0 || uid === process.geteuid?.() || uid === owner
}

/** Opens the folder of that name; undefined where there is none, or something else, such as a link to a folder. */
function openIfFolder(parent: Folder, name: string): Folder | undefined {
  try {
    return new Folder(openSync(parent.entry(name), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

/** @param name of the entry; empty for the folder itself */
function giveToRoot(folder: Folder, name: string): string {
  return `if it is yours, give it to root: chown -h root ${folder.quotedPathOf(name)}, then run again`
}

/** The mode of a folder that is still being made: private, and sticky, as no other private folder is. */
const unfinishedMode = 0o1700

/** Whether a folder is one that an interrupted run began to make, and nobody has finished. */
export function isUnfinished(stats: Stats): boolean {
  return stats.isDirectory() && (stats.mode & 0o7777) === unfinishedMode
}

/**
 * Makes a folder that nobody else can enter before it has its owner and mode, or finishes one that
 * an interrupted run has begun. Where another process has made it first, it is left as it is.
 */
export function makeFolder(parent: Folder, name: string, attributes: FolderAttributes): void {
  try {
    mkdirSync(parent.entry(name), { mode: unfinishedMode })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  const descriptor = openSync(parent.entry(name), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const stats = fstatSync(descriptor)
    if (!isUnfinished(stats) || !isTrusted(stats.uid, attributes.owner?.uid)) return
    if (attributes.owner) fchownSync(descriptor, attributes.owner.uid, attributes.owner.gid)
    fchmodSync(descriptor, attributes.mode)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  parent.sync()
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
