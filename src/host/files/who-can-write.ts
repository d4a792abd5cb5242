/**
 * Who can change the content of a file: accounts that can write it, or exchange it, or a folder or link on the way to
 * it. One walk reads the file and makes this check, so that nothing can be exchanged between the two.
 */
import { readEntry } from './read-entry.ts'
import { type Entry, type Folder, lookAt, othersCanWrite, type Tree } from './tree.ts'

/** A file's bytes, and where others than root and ourselves could have changed them. */
export interface CheckedFile {
  bytes: Buffer
  /** The file, or the first folder on the way, that others can write; undefined where there is none. */
  writableAt: string | undefined
}

/** @returns undefined where no file is. @throws KnownError as ReadOnlyFiles.read, links followed */
export function readWithWriteCheck(tree: Tree, path: string): CheckedFile | undefined {
  return tree.explainFailure(path, 'read', () => {
    const walk = new CheckedWalk(tree)
    using entry = walk.open(path)
    const found = entry && readEntry(entry)
    return found && { bytes: found.bytes, writableAt: othersCanWrite(found.stats) ? path : walk.writableAt }
  })
}

/** The same check for a file that may not exist yet: where others can write it, or could create it. */
export function findWritableByOthers(tree: Tree, path: string): string | undefined {
  return tree.explainFailure(path, 'read', () => {
    const walk = new CheckedWalk(tree)
    using entry = walk.open(path)
    const there = entry && lookAt(entry.folder, entry.name)
    return there && othersCanWrite(there) ? path : walk.writableAt
  })
}

/** A walk that remembers the first folder that others can write. */
class CheckedWalk {
  writableAt: string | undefined
  readonly #tree: Tree
  /** The root as the kernel names it. */
  #top = ''

  constructor(tree: Tree) {
    this.#tree = tree
  }

  open(path: string): Entry | undefined {
    return this.#tree.open(path, { followLast: true, visit: (folder) => this.#judge(folder) })
  }

  #judge(folder: Folder): void {
    const { path } = folder
    this.#top ||= path
    if (!othersCanWrite(folder.stats)) return
    this.writableAt ??= this.#top === '/' ? path : path.slice(this.#top.length) || '/'
  }
}
