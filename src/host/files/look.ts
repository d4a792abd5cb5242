/** Reads what is on the target machine, and changes nothing. Links are followed only where a method says so. */
import { accessSync, constants, readdirSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { whyItFailed } from '../explain-failure.ts'
import { type FoundFile, readEntry } from './read-entry.ts'
import { type Entry, lookAt, othersCanWrite, type Tree } from './tree.ts'

/** Numeric owner and group. */
export interface Ids {
  uid: number
  gid: number
}

export class ReadOnlyFiles {
  readonly tree: Tree

  constructor(tree: Tree) {
    this.tree = tree
  }

  /**
   * Reads a regular file. A link at the path itself is followed only with `followLast`, for files that we never write.
   * @param options.limitBytes for a file that may be larger than our own files (read-entry.ts)
   * @returns undefined when there is none
   * @throws KnownError `refused-path` for a link, folder, device or fifo; `task-failed` when it cannot be read
   */
  read(path: string, options: { followLast?: boolean; limitBytes?: number } = {}): FoundFile | undefined {
    return this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(path, options)
      return entry && readEntry(entry, options.limitBytes)
    })
  }

  /** Owner, mode and kind of what is at the path, links not followed; undefined when there is nothing. */
  stat(path: string): Stats | undefined {
    return this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      return entry && lookAt(entry.folder, entry.name)
    })
  }

  /**
   * Owner and mode of the folder at a path, which may be a link that root made to another place.
   * @returns undefined when nothing is there
   * @throws KnownError `refused-path` for a link that leads nowhere or was not made by root, and for what is no folder
   */
  folder(path: string): Stats | undefined {
    return this.tree.explainFailure(path, 'read', () => {
      const there = this.stat(path)
      if (!there || there.isDirectory()) return there
      if (!there.isSymbolicLink())
        throw this.tree.refusal(path, 'is in the way of a folder', 'move it away, then run again')
      using entry = this.tree.open(inside(path))
      if (entry) return entry.folder.stats
      throw this.tree.refusal(
        path,
        'is a link that leads to nothing',
        'make or mount the folder that it leads to, then run again',
      )
    })
  }

  /**
   * Refuses a file of another account than root, ourselves and the owner, in a folder where others can write.
   * @throws KnownError `refused-path`
   */
  requireOurs(path: string, owner: Ids): void {
    this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      const there = entry && lookAt(entry.folder, entry.name)
      if (there) requireOurs(entry, there, owner)
    })
  }

  /** The target of a link; undefined where there is no link. */
  readLink(path: string): string | undefined {
    return this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      if (!entry || !lookAt(entry.folder, entry.name)?.isSymbolicLink()) return undefined
      return readlinkSync(entry.at)
    })
  }

  /** Whether the modes let an account append to the file, or create it where it is missing. */
  mayAppend(path: string, ids: Ids): boolean {
    return this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(path)
      if (!entry) return false
      return mayDo(lookAt(entry.folder, entry.name) ?? entry.folder.stats, ids, 2)
    })
  }

  /** Whether owner and mode let an account read the file that is there; an access control list may say otherwise. */
  mayRead(path: string, ids: Ids): boolean {
    const stats = this.stat(path)
    return stats !== undefined && mayDo(stats, ids, 4)
  }

  /** Names in a folder; empty when there is no such folder. */
  list(path: string): string[] {
    return this.tree.explainFailure(path, 'read', () => {
      using entry = this.tree.open(inside(path))
      return entry ? readdirSync(entry.folder.entry('.')) : []
    })
  }

  /** Why we could not create anything at this path, by the nearest folder that exists; undefined when we could. */
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
    return this.tree.explainFailure('/', 'read', () => statSync(this.tree.root))
  }
}

/** A path inside a folder: Tree.open opens the folder of a path, so this one opens the folder itself. */
export function inside(folder: string): string {
  return `${folder}/any`
}

/** @param bit 4 to read, 2 to write, as in the last digit of a mode */
function mayDo({ uid, gid, mode }: Stats, ids: Ids, bit: 4 | 2): boolean {
  if (ids.uid === 0) return true
  const shift = uid === ids.uid ? 6 : gid === ids.gid ? 3 : 0
  return (mode & (bit << shift)) !== 0
}

/** @throws KnownError `refused-path` for an entry that another account may have put there */
export function requireOurs(entry: Entry, stats: Stats, ...owners: (Ids | undefined)[]): void {
  const known = [0, process.geteuid?.(), ...owners.map((owner) => owner?.uid)]
  if (!known.includes(stats.uid) && othersCanWrite(entry.folder.stats)) {
    const then = `if you know what is in it, give it to root: chown root ${entry.folder.quotedPathOf(entry.name)}, then run again`
    throw entry.tree.refusal(
      entry.path,
      `belongs to a stranger (uid ${stats.uid}) in a folder that others may write`,
      then,
    )
  }
}
