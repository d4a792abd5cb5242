import { readFileSync } from 'node:fs'
import { KnownError, systemCode } from '../../errors.ts'

/**
 * Reads a small file that the caller hands over for this run, such as a password file. It is a
 * file of the machine that runs us, also with `--root`; `-` is standard input.
 * @throws KnownError `configuration` naming where the path came from
 */
export function readHandedBytes(path: string, origin: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path)
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

/** Like readHandedBytes; undefined when there is no such file. */
export function readHandedBytesIfThere(path: string, origin: string): Buffer | undefined {
  try {
    return readHandedBytes(path, origin)
  } catch (error) {
    if (error instanceof KnownError && systemCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}
