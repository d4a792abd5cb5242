/**
 * The messages from a daemon to the `frameworkd start` that started it: one JSON document a line, until the
 * daemon serves or ends. `start` closes its side when it gives up waiting.
 */
import type { Duplex } from 'node:stream'
import { type ErrorCode, type ExitCode, isErrorCode, isExitCode } from '../../errors.ts'
import { fieldsOf, isCount, type ListenEndpoint, parseEndpoint } from './note.ts'

export type StartMessage =
  /** Progress, for people. */
  | { says: string }
  | { serves: { pid: number; listens: ListenEndpoint | undefined } }
  | { ends: { exitCode: ExitCode; code?: ErrorCode; text: string } }

/**
 * Reads one message. It is not trusted: an attacker may have taken over the daemon's account.
 * @returns undefined for a line that is no message
 */
export function parseStartMessage(line: string): StartMessage | undefined {
  try {
    const { says, serves, ends } = fieldsOf(JSON.parse(line))
    if (typeof says === 'string') return { says }
    const { pid, listens } = fieldsOf(serves)
    if (isCount(pid)) return { serves: { pid, listens: parseEndpoint(listens) } }
    const { exitCode, code, text } = fieldsOf(ends)
    if (!isExitCode(exitCode) || typeof text !== 'string') return undefined
    return { ends: { exitCode, text, ...(isErrorCode(code) && { code }) } }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The daemon's connection to the `frameworkd start` that started it. */
export class Starter {
  /** Aborts when `start` no longer waits. */
  readonly gone: AbortSignal
  readonly #pipe: Duplex

  constructor(pipe: Duplex) {
    const controller = new AbortController()
    this.gone = controller.signal
    this.#pipe = pipe
    const onGone = () => controller.abort()
    pipe.on('end', onGone).on('error', onGone).resume()
  }

  tell(message: StartMessage): void {
    this.#pipe.write(`${JSON.stringify(message)}\n`)
  }

  /** Sends the last message, if `start` still waits, and closes the connection. */
  async close(message: StartMessage): Promise<void> {
    if (this.#pipe.destroyed) return
    this.#pipe.removeAllListeners('end')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pipe.once('close', () => resolve()).end(`${JSON.stringify(message)}\n`, () => this.#pipe.destroy())
    await promise
  }
}
