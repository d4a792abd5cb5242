import { readFileSync } from 'node:fs'
import { KnownError, systemCode } from '../errors.ts'

/**
 * Reads a small text that the caller hands over for this run, such as a password file. It is a
 * file of the machine that runs us, also with `--root`; `-` is standard input.
 * @throws KnownError `configuration` naming where the path came from
 */
export function readHandedText(path: string, origin: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
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

/** Like readHandedText; undefined when there is no such file. */
export function readHandedTextIfThere(path: string, origin: string): string | undefined {
  try {
    return readHandedText(path, origin)
  } catch (error) {
    if (error instanceof KnownError && systemCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}
