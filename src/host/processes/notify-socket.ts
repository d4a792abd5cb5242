/**
 * The way to tell systemd how a service is (sd_notify(3)). Node has no datagram sockets of the unix
 * family, so the program of that name sends: it works on every systemd, as any account, and waits
 * until systemd has taken the message. It needs `NotifyAccess=all` in the unit.
 */
import { spawn } from 'node:child_process'
import { KnownError, systemCode } from '../../errors.ts'
import { programPath, programs } from '../../paths.ts'

/** systemd-notify itself waits 5 s for systemd. */
const sendLimitMs = 10_000

export class NotifySocket {
  readonly #address: string
  /** Messages are sent one after the other: systemd believes the last. */
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

function sendOne(address: string, assignments: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(programs.notify, [`--pid=${process.pid}`, ...assignments], {
    env: { PATH: programPath, NOTIFY_SOCKET: address },
    stdio: 'ignore',
    timeout: sendLimitMs,
    killSignal: 'SIGKILL',
    // A group of its own: a Ctrl-C that is meant for us must not take our last words.
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
