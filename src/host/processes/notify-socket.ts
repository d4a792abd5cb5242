/**
 * Sends the state of a service to systemd (sd_notify(3)). Node has no datagram sockets of the unix family.
 *
 * - Where Node can call the C library (c-library.ts), we send the message ourselves. systemd looks up the sender
 *   when it reads the message, and we still run then.
 * - Else, and whenever that has failed, the program systemd-notify sends it. Since systemd 246 it waits until systemd
 *   has read the message; before, it has ended by then, and the message may be lost.
 *   It needs `NotifyAccess=all` in the unit.
 */
import { spawn } from 'node:child_process'
import { KnownError, systemCode } from '../../errors.ts'
import { programPath, programs } from '../../paths.ts'
import { callLibrary } from './c-library.ts'

/** systemd-notify itself waits 5 s for systemd. */
const sendLimitMs = 10_000

export class NotifySocket {
  readonly #address: string
  /** Messages are sent one after the other: the last one counts. */
  #sent: Promise<unknown> = Promise.resolve()

  constructor(address: string) {
    this.#address = address
  }

  /**
   * Sends assignments such as `READY=1`, in the name of this process.
   * @throws KnownError `notify-failed`
   */
  send(...assignments: readonly string[]): Promise<void> {
    const sending = this.#sent.then(() => sendOne(this.#address, assignments))
    this.#sent = sending.catch(() => {})
    return sending
  }
}

async function sendOne(address: string, assignments: readonly string[]): Promise<void> {
  if (!sendByLibrary(address, [`MAINPID=${process.pid}`, ...assignments].join('\n'))) {
    await sendByProgram(address, assignments)
  }
}

/**
 * Constants of the C library on Linux: for a unix datagram socket that no child inherits, and a send that does not
 * block.
 */
const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** @returns false where it has failed, for any reason, such as a full queue */
function sendByLibrary(address: string, message: string): boolean {
  const definitions = {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    sendto: { arguments: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'u32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
  } as const
  const bytes = Buffer.from(message)
  const to = socketAddress(address)
  const sent = callLibrary(definitions, ({ socket, sendto, close }) => {
    const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    const count = sendto(descriptor, bytes, BigInt(bytes.length), MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length)
    close(descriptor)
    return count
  })
  return sent === BigInt(bytes.length)
}

/** struct sockaddr_un (unix(7)): an address that begins with `@` is an abstract one. */
function socketAddress(address: string): Buffer {
  const isAbstract = address.startsWith('@')
  const family = Buffer.alloc(2)
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX
  return Buffer.concat([family, Buffer.from(isAbstract ? `\0${address.slice(1)}` : `${address}\0`)])
}

function sendByProgram(address: string, assignments: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(programs.notify, [`--pid=${process.pid}`, ...assignments], {
    env: { PATH: programPath, NOTIFY_SOCKET: address },
    stdio: 'ignore',
    timeout: sendLimitMs,
    killSignal: 'SIGKILL',
    // A process group of its own: a Ctrl-C that is meant for us must not kill it before it has sent our last message.
    detached: true,
  })
  child.once('error', (error) => reject(notifyFailed(systemCode(error) ?? 'it cannot be run', error)))
  child.once('close', (code, signal) => {
    if (code === 0) resolve()
    else reject(notifyFailed(`it ended with ${code ?? signal}`))
  })
  return promise
}

function notifyFailed(why: string, cause?: unknown): KnownError {
  return new KnownError(
    'notify-failed',
    `NOTIFY_SOCKET is set, but systemd cannot be told: ${programs.notify}: ${why}`,
    'install the package systemd, or start it without NOTIFY_SOCKET',
    { cause },
  )
}
