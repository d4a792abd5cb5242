/** Files that the operator names for this run: they are on the machine that runs us, also with `--root`. */
import { closeSync, constants, lstatSync, openSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { KnownError, systemCode } from '../../errors.ts'
import { quoteForShell } from '../../text/command-line.ts'
import { explainFailure } from '../explain-failure.ts'
import { readUpTo, usualLimitBytes } from './read-entry.ts'
import { Folder, O_PATH } from './tree.ts'
import { temporaryName, writeWholeIfFree } from './whole-file.ts'

/**
 * Reads a small file that the operator names, such as a password file; `-` is standard input.
 * @throws KnownError `configuration` naming where the path came from
 */
export function readOperatorFile(path: string, origin: string, limitBytes = usualLimitBytes): Buffer {
  const bytes = readHanded(path, origin, limitBytes + 1)
  if (bytes.length <= limitBytes) return bytes
  const hint = `look at it with: ls -l ${quoteForShell(path)}`
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
      `check it with: ls -l ${quoteForShell(path)}`,
      {
        cause: error,
      },
    )
  }
}

/** Whether every account of the machine that runs us can read a file; never true for standard input. */
export function isReadableByOthers(path: string): boolean {
  if (path === '-') return false
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && (stats.mode & 0o004) !== 0
}

/** Like readOperatorFile; undefined when there is no such file. */
export function readOperatorFileIfThere(path: string, origin: string): Buffer | undefined {
  try {
    return readOperatorFile(path, origin)
  } catch (error) {
    if (error instanceof KnownError && systemCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Checks that a file can be created at a path that the operator names: its folder exists, and nothing has its name.
 * @throws KnownError `refused-path`, `configuration`
 */
export function requireFreePath(path: string, origin: string): void {
  const absolute = resolve(path)
  explainFailure(path, 'written', () => {
    if (!lstatSync(dirname(absolute), { throwIfNoEntry: false })) {
      const hint = `make the folder first: mkdir ${quoteForShell(dirname(path))}`
      throw new KnownError('configuration', `${origin}: ${dirname(path)} does not exist`, hint)
    }
    if (!lstatSync(absolute, { throwIfNoEntry: false })) return
    // The temporary name of a run that was interrupted after it had linked the file into place.
    rmSync(`${dirname(absolute)}/${temporaryName(basename(absolute))}`, { force: true })
    throw pathTaken(path, origin)
  })
}

/**
 * Creates a file that the operator names: whole or not at all, never over an existing one, 0400 from its first byte,
 * and on the disk when this returns.
 * @throws KnownError `refused-path` when something has that name, `task-failed`
 */
export function createOperatorFile(path: string, bytes: Buffer, origin: string): void {
  const absolute = resolve(path)
  const name = basename(absolute)
  const isMade = explainFailure(path, 'written', () => {
    using folder = new Folder(openSync(dirname(absolute), O_PATH | constants.O_DIRECTORY))
    try {
      return writeWholeIfFree(folder, temporaryName(name), name, bytes, { mode: 0o400 })
    } catch (error) {
      throw withoutLinks.includes(systemCode(error) ?? '') ? notMade(path, origin, error) : error
    }
  })
  if (!isMade) throw pathTaken(path, origin)
}

/** Errors of a file system without links or modes, such as FAT. */
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

function notMade(path: string, origin: string, cause: unknown): KnownError {
  const message = `${path} cannot be made: the file system takes no links, or no modes (${systemCode(cause)})`
  return new KnownError(
    'task-failed',
    message,
    `name a file on another file system, or give the same command with: ${origin} - > ${quoteForShell(path)}`,
    {
      cause,
    },
  )
}

function pathTaken(path: string, origin: string): KnownError {
  const hint = 'name a file that is not there yet'
  return new KnownError('refused-path', `${origin}: ${path} exists, and is left as it is`, hint)
}
