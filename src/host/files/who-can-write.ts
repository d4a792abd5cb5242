/**
 * Who decides what a file says: whoever can write it, or exchange it, a folder or a link on the way to it.
 * The file is read by the same walk that is judged, so that nothing can be put in place between the two.
 */
import { readlinkSync } from 'node:fs'
import { explainFailure } from '../explain-failure.ts'
import { readEntry } from './read-entry.ts'
import { type Entry, type Folder, lookAt, othersCanWrite, type Tree } from './tree.ts'

/** A file's bytes, and where others than root and ourselves could have changed them. */
export interface JudgedFile {
  bytes: Buffer
  /** The file, or the first folder on the way, that others can write; undefined where there is none. */
  writableAt: string | undefined
}

/** @returns undefined where no file is. @throws KnownError as Look.read, links followed */
export function readJudged(tree: Tree, path: string): JudgedFile | undefined {
  return explainFailure(path, 'read', () => {
    const way = new Way(tree)
    using entry = way.open(path)
    const found = entry && readEntry(entry)
    return found && { bytes: found.bytes, writableAt: othersCanWrite(found.stats) ? path : way.writableAt }
  })
}

/** The same for a file that is yet to be written: where others can write it, or could put another one. */
export function findWritableByOthers(tree: Tree, path: string): string | undefined {
  return explainFailure(path, 'read', () => {
    const way = new Way(tree)
    using entry = way.open(path)
    const there = entry && lookAt(entry.folder, entry.name)
    return there && othersCanWrite(there) ? path : way.writableAt
  })
}

/** A walk that remembers the first folder that others can write. */
class Way {
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
    const name = readlinkSync(`/proc/self/fd/${folder.descriptor}`)
    this.#top ||= name
    if (!othersCanWrite(folder.stats)) return
    this.writableAt ??= this.#top === '/' ? name : name.slice(this.#top.length) || '/'
  }
}
