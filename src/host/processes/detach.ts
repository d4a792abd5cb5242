/**
 * Starts a process that outlives us and our terminal: in a session of its own that it does not lead, with working
 * folder `/` and standard descriptors on /dev/null. It inherits only one end of a socket pair,
 * over which it reports the result of its start.
 */
import { spawn } from 'node:child_process'
import { closeSync, fstatSync, readdirSync } from 'node:fs'
import { Socket } from 'node:net'
import { readDescriptorFlags } from './descriptor-flags.ts'

/** The shell leads the new session and ends at once, so that its child can never get a terminal (setsid(2)). */
const forkAway = '"$0" "$@" & exit 0'

/** The child's descriptor of the socket pair, and the variable that tells it the number. */
const pipeDescriptor = 3
const pipeVariable = 'FRAMEWORKD_START_PIPE'

/** open(2), in octal as fdinfo shows it. */
const O_CLOEXEC = 0o2000000

/**
 * Starts a program of ours.
 * @returns our end of the socket pair; it ends when the process has, or closes its own
 */
export function spawnDetached(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Socket {
  closeInherited()
  const child = spawn('/bin/sh', ['-c', forkAway, ...command], {
    detached: true,
    cwd: '/',
    env: { ...environment, [pipeVariable]: String(pipeDescriptor) },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const pipe = child.stdio[pipeDescriptor] as Socket
  child.once('error', (error) => pipe.destroy(error))
  return pipe
}

/**
 * Opens the child's end, in a process that was started in this way. The variable is removed from the environment, so
 * that our own children do not get it. The socket does not keep the process alive.
 */
export function openStartPipe(environment: Record<string, string | undefined>): Socket | undefined {
  const isThere = environment[pipeVariable] === String(pipeDescriptor) && fstatSync(pipeDescriptor).isSocket()
  delete environment[pipeVariable]
  return isThere ? new Socket({ fd: pipeDescriptor }).unref() : undefined
}

/**
 * Closes descriptors that we inherited without close-on-exec, which the child would get. All of Node's own have that
 * flag.
 */
function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fdinfo')) {
    const descriptor = Number(name)
    if (descriptor > 2 && isInherited(descriptor)) closeSync(descriptor)
  }
}

function isInherited(descriptor: number): boolean {
  const flags = readDescriptorFlags(descriptor)
  return flags !== undefined && (flags & O_CLOEXEC) === 0
}
