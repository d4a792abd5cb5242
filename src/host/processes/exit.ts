import { constants } from 'node:fs'
import { mayBeTerminal } from '../output/terminal-device.ts'
import { callLibrary } from './c-library.ts'
import { readDescriptorFlags } from './descriptor-flags.ts'

/** fcntl(2) */
const [F_GETFL, F_SETFL] = [3, 4]

const standardStreams = [0, 1, 2]

/**
 * Has `process.exit` end this process at once, by _exit(2), when all that listens for the end has been called.
 *
 * Node ends its other threads first. One that compiles may wait for this thread to collect garbage, and then each waits
 * for the other for ever (nodejs/node issue 54918; seen once in some ten thousand runs). One that asks a name server
 * holds up the end, too.
 *
 * At a terminal, whose modes Node sets back, the end is Node's. So it is where a standard stream was non-blocking
 * before, where the C library cannot be called, and after an error that nobody caught.
 *
 * To be called before our code opens a standard stream: Node makes a pipe or socket that it opens non-blocking, for
 * all who share it.
 */
export function exitWithoutThreads(): void {
  const { reallyExit } = process as unknown as ReallyExit
  const wereBlocking = standardStreams.every(isBlocking)
  // The last step of process.exit: not documented, but the package signal-exit has replaced it for years.
  Object.assign(process, {
    reallyExit(code: number) {
      if (wereBlocking && !standardStreams.some(mayBeTerminal)) exitAtOnce(code)
      reallyExit.call(process, code)
    },
  } satisfies ReallyExit)
}

interface ReallyExit {
  reallyExit(code: number): void
}

/** Returns where it could not. */
function exitAtOnce(code: number): void {
  const definitions = {
    fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    _exit: { arguments: ['i32'], return: 'void' },
  } as const
  callLibrary(definitions, ({ fcntl, _exit }) => {
    const makeBlocking = (descriptor: number) => {
      const flags = fcntl(descriptor, F_GETFL, 0)
      return !(flags & constants.O_NONBLOCK) || fcntl(descriptor, F_SETFL, flags & ~constants.O_NONBLOCK) === 0
    }
    if (standardStreams.every(makeBlocking)) _exit(code)
  })
}

/** @returns false also where it cannot be seen */
function isBlocking(descriptor: number): boolean {
  const flags = readDescriptorFlags(descriptor)
  return flags !== undefined && !(flags & constants.O_NONBLOCK)
}
