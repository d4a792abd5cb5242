/**
 * A lock that lives with an open file and dies with its holder, SIGKILL included (flock(2)). The
 * file is never removed, so its inode is the lock's identity.
 */
import { closeSync, constants, fstatSync, ftruncateSync, type Stats, statSync, writeSync } from 'node:fs'
import { KnownError, systemCode } from '../../../errors.ts'
import type { Files } from '../../files/files.ts'
import { openOrMakePlainFile, openPlainFile } from '../../files/plain-file.ts'
import type { Entry, Tree } from '../../files/tree.ts'
import { flock } from './flock.ts'

/** No note of ours has so many bytes: a file that is longer was damaged. */
const longestNote = 65_536

export interface Lock extends Disposable {
  readonly descriptor: number
  readonly inode: number
  /**
   * Writes into the lock file who holds it; spaces follow where the text before was longer. The text is removed at the
   * release: one that stays was written by a holder that was killed. `readLockNote` reads it.
   */
  note(text: string): void
}

/**
 * Takes the lock without waiting; its folder must exist.
 * @returns undefined while somebody else holds it
 * @throws KnownError `refused-path` for a link, a folder or a stranger's file at the path
 */
export function acquireLock(tree: Tree, path: string): Lock | undefined {
  return tree.explainFailure(path, 'read', () => tryToLock(tree, path))
}

function tryToLock(tree: Tree, path: string): Lock | undefined {
  using entry = tree.open(path)
  if (!entry) throw tree.refusal(path, 'has no folder')
  const descriptor = openLockFile(entry)
  try {
    const stats = fstatSync(descriptor)
    const flaw = flawOfLockFile(stats, entry.folder.stats)
    if (flaw !== undefined) throw tree.refusal(path, flaw, 'remove it while nothing of ours runs')
    if (!flock(descriptor, 'exclusive') || statSync(entry.at, { throwIfNoEntry: false })?.ino !== stats.ino) {
      closeSync(descriptor)
      return undefined
    }
    return heldLock(tree, path, descriptor, stats.ino)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/**
 * Why a file cannot be used as a lock: by a second name (hard link), or as its owner, somebody else could hold and
 * write it.
 * @param folder the stats of its folder
 * @returns undefined for a file that can be used
 */
export function flawOfLockFile(file: Stats, folder: Stats): string | undefined {
  if (!file.isFile()) return 'is not a plain file'
  if (file.nlink !== 1) return 'has a second name'
  return file.uid === folder.uid ? undefined : `belongs to a stranger (uid ${file.uid}), not to the owner of its folder`
}

/**
 * Tests whether anybody holds the lock, by taking it for a moment. A program that starts at that moment finds it held,
 * and tries again.
 * @returns closed where we may not open it
 */
export function testLock(tree: Tree, path: string): 'held' | 'free' | 'closed' {
  using entry = tree.open(path)
  try {
    using file = entry && openPlainFile(entry, constants.O_RDONLY)
    return !file || flock(file.descriptor, 'shared') ? 'free' : 'held'
  } catch (error) {
    if (systemCode(error) === 'EACCES') return 'closed'
    throw error
  }
}

/**
 * Reads the note in a lock file. It is written in place, so it is read until two looks agree: one alone may have the
 * beginning of one note and the end of another.
 * @returns empty where there is none; with a holder that never stops writing, what the last look had
 * @throws KnownError of `Files.read`
 */
export function readLockNote(files: Files, path: string): string {
  let now = readText(files, path)
  for (let look = 1, before = ''; look < 10 && now !== before; look++) [before, now] = [now, readText(files, path)]
  return now.trimEnd()
}

function readText(files: Files, path: string): string {
  return files.read(path)?.bytes.toString('utf8') ?? ''
}

function heldLock(tree: Tree, path: string, descriptor: number, inode: number): Lock {
  let isNoted = false
  return {
    descriptor,
    inode,
    note(text) {
      tree.explainFailure(path, 'written', () => overwrite(descriptor, Buffer.from(text)))
      isNoted = true
    },
    [Symbol.dispose]() {
      try {
        if (isNoted) ftruncateSync(descriptor)
      } catch {
        // A text that stays names a process that has ended, as after a kill.
      } finally {
        closeSync(descriptor)
      }
    },
  }
}

/** Over all that is there, in one go: a file that is emptied first has no note for a moment. */
function overwrite(descriptor: number, note: Buffer): void {
  try {
    if (fstatSync(descriptor).size > longestNote) ftruncateSync(descriptor)
    const rest = Math.max(0, fstatSync(descriptor).size - note.length)
    const bytes = Buffer.concat([note, Buffer.alloc(rest, ' ')])
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, done)
  } catch (error) {
    // No note is better than half of one, or one that is out of date.
    ftruncateSync(descriptor)
    throw error
  }
}

function openLockFile(entry: Entry): number {
  try {
    return openOrMakePlainFile(entry, constants.O_RDWR, 0o600).descriptor
  } catch (error) {
    if (error instanceof KnownError) throw error
    const { tree, path } = entry
    throw new KnownError(
      'task-failed',
      `${path} cannot be opened (${systemCode(error)})`,
      `look at it with: ls -ld ${tree.quotedPath(path)}`,
      { cause: error },
    )
  }
}
