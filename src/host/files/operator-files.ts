/** Files that the caller names for this run: those of the machine that runs us, also with `--root`. */
import { closeSync, constants, lstatSync, openSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { KnownError, systemCode } from '../../errors.ts'
import { explainFailure } from '../explain-failure.ts'
import { readUpTo } from './read-entry.ts'
import { Folder, O_PATH } from './tree.ts'
import { temporaryName, writeWholeIfFree } from './whole-file.ts'

/** More than any password takes. */
const usualLimitBytes = 1024 * 1024

/**
 * Reads a small file that the caller hands over, such as a password file; `-` is standard input.
 * @throws KnownError `configuration` naming where the path came from
 */
export function readHandedBytes(path: string, origin: string, limitBytes = usualLimitBytes): Buffer {
  const bytes = readHanded(path, origin, limitBytes + 1)
  if (bytes.length <= limitBytes) return bytes
  const hint = `look at it with: ls -l ${path}`
  throw new KnownError('configuration', `${origin}: ${path} is larger than ${limitBytes} bytes`, hint)
}

function readHanded(path: string, origin: string, mostBytes: number): Buffer {
  try {
    if (path === '-') return readUpTo(0, mostBytes)
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOCTTY)
    try {
      return readUpTo(descriptor, mostBytes)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw new KnownError(
      'configuration',
      `${origin}: ${path} cannot be read (${systemCode(error)})`,
      `check it with: ls -l ${path}`,
      {
        cause: error,
      },
    )
  }
}

/** Whether every account of the machine that runs us can read a file; standard input is nobody's else. */
export function isReadableByOthers(path: string): boolean {
  if (path === '-') return false
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && (stats.mode & 0o004) !== 0
}

/** Like readHandedBytes; undefined when there is no such file. */
export function readHandedBytesIfThere(path: string, origin: string): Buffer | undefined {
  try {
    return readHandedBytes(path, origin)
  } catch (error) {
    if (error instanceof KnownError && systemCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Looks whether a file that the caller names can be made: its folder is there, and nothing has its name.
 * @throws KnownError `refused-path`, `configuration`
 */
export function requireFreePath(path: string, origin: string): void {
  const place = resolve(path)
  explainFailure(path, 'written', () => {
    if (!lstatSync(dirname(place), { throwIfNoEntry: false })) {
      const hint = `make the folder first: mkdir ${dirname(path)}`
      throw new KnownError('configuration', `${origin}: ${dirname(path)} does not exist`, hint)
    }
    if (!lstatSync(place, { throwIfNoEntry: false })) return
    // A run that was interrupted when the file was there already has left it.
    rmSync(`${dirname(place)}/${temporaryName(basename(place))}`, { force: true })
    throw pathTaken(path, origin)
  })
}

/**
 * Makes a file that the caller names: whole or not at all, where nothing is yet, 0400 from its first byte, and
 * on the disk when this returns.
 * @throws KnownError `refused-path` when something has that name, `task-failed`
 */
export function makeHandedFile(path: string, bytes: Buffer, origin: string): void {
  const place = resolve(path)
  const name = basename(place)
  const isMade = explainFailure(path, 'written', () => {
    using folder = new Folder(openSync(dirname(place), O_PATH | constants.O_DIRECTORY))
    try {
      return writeWholeIfFree(folder, temporaryName(name), name, bytes, { mode: 0o400 })
    } catch (error) {
      throw withoutLinks.includes(systemCode(error) ?? '') ? notMade(path, origin, error) : error
    }
  })
  if (!isMade) throw pathTaken(path, origin)
}

/** What a file system says that knows no links or no modes, such as FAT. */
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

function notMade(path: string, origin: string, cause: unknown): KnownError {
  const message = `${path} cannot be made: the file system takes no links, or no modes (${systemCode(cause)})`
  return new KnownError(
    'task-failed',
    message,
    `name another place, or have the shell make it: ${origin} - > ${path}`,
    {
      cause,
    },
  )
}

function pathTaken(path: string, origin: string): KnownError {
  const hint = 'name a file that is not there yet'
  return new KnownError('refused-path', `${origin}: ${path} exists, and is left as it is`, hint)
}
