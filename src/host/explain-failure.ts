import { KnownError, systemCode } from '../errors.ts'
import { quoteForShell } from '../text/command-line.ts'

/** EDQUOT, for which libuv has no name. */
export const quotaExceeded = 'Unknown system error -122'

/** Errors of the system for work on files, in words, with a hint for each. */
const failures: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOSPC: ['the disk is full', 'make room, then run again'],
  [quotaExceeded]: ['the disk quota is used up', 'make room, then run again'],
  EROFS: ['the file system is read-only', 'mount it read-write, then run again'],
  EACCES: ['permission is denied', 'run as root, or as an account that may'],
  EPERM: ['the operation is not permitted', 'run as root, or look for attributes with lsattr(1)'],
  ELOOP: ['it is a link', 'only a plain file or folder may be there: mend that, then run again'],
  EISDIR: ['it is a folder', 'only a plain file may be there: mend that, then run again'],
  EIO: ['the disk reports an error', 'look at dmesg'],
  EBUSY: ['something is mounted on it', 'unmount it, then run again'],
  EEXIST: ['somebody else has put something there meanwhile', 'run again, and look who writes there'],
  EMFILE: ['too many files are open', 'raise the limit with ulimit -n'],
  ENFILE: ['too many files are open', 'raise fs.file-max with sysctl'],
}

/** Why the system refused, in words; its code where there are none. */
export function whyItFailed(error: unknown): string | undefined {
  const code = systemCode(error)
  return code === undefined ? undefined : (failures[code]?.[0] ?? code)
}

/**
 * Does work on a file, and turns an error of the system into a KnownError `task-failed`.
 * @param what completes "PATH cannot be …"
 * @param place the same path with the root in front, for commands that people are told to type
 */
export function explainFailure<T>(path: string, what: 'read' | 'written', work: () => T, place = path): T {
  try {
    return work()
  } catch (error) {
    const code = systemCode(error)
    if (error instanceof KnownError || code === undefined) throw error
    const [why, hint] = failures[code] ?? [code, `look at it with: ls -ld ${quoteForShell(place)}`]
    throw new KnownError('task-failed', `${path} cannot be ${what}: ${why}`, hint, { cause: error })
  }
}
