import { constants, readFileSync } from 'node:fs'
import { callLibrary } from './c-library.ts'

/** fcntl(2) */
const [F_GETFL, F_SETFL] = [3, 4]

const definitions = {
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  _exit: { arguments: ['i32'], return: 'void' },
} as const

/**
 * Has `process.exit` end this process at once, by _exit(2), when all that listens for the end has been called.
 *
 * Node ends its other threads first. One that compiles may wait for this thread to collect garbage, and then each waits
 * for the other for ever (nodejs/node issue 54918; seen once in some ten thousand runs). One that asks a name server
 * holds up the end, too. An error that nobody catches still ends the process in Node's way, and so does every end
 * where the C library cannot be called.
 */
export function exitWithoutThreads(): void {
  // Node makes a pipe or socket that it opens as a standard stream non-blocking, for all who share it, until its end.
  const flagsAtStart = [0, 1, 2].map(readFlags)
  const { reallyExit } = process as unknown as ReallyExit
  // The last step of process.exit: not documented, but the package signal-exit has replaced it for years.
  Object.assign(process, {
    reallyExit(code: number) {
      callLibrary(definitions, ({ fcntl, _exit }) => {
        const isAsAtStart = flagsAtStart.every((flags, descriptor) => {
          if (flags === undefined) return false
          const isChanged = (fcntl(descriptor, F_GETFL, 0) ^ flags) & constants.O_NONBLOCK
          return !isChanged || fcntl(descriptor, F_SETFL, flags) === 0
        })
        if (isAsAtStart) _exit(code)
      })
      reallyExit.call(process, code)
    },
  } satisfies ReallyExit)
}

interface ReallyExit {
  reallyExit(code: number): void
}

/** The flags of open(2) that a descriptor has now; undefined where there is no /proc. */
function readFlags(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\t([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
    return flags === undefined ? undefined : Number.parseInt(flags, 8)
  } catch {
    return undefined
  }
}
