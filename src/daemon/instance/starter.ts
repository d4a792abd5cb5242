/**
 * Between `frameworkd start` and the daemon that it started: one JSON document a line, from the
 * daemon, until it serves or ends. Whoever gives up waiting closes their side.
 */
import type { Duplex } from 'node:stream'
import { type ErrorCode, type ExitCode, isErrorCode, isExitCode } from '../../errors.ts'
import { fieldsOf, isCount, type Place, parsePlace } from './note.ts'

export type StartMessage =
  /** Progress, for people. */
  | { says: string }
  | { serves: { pid: number; listens: Place | undefined } }
  | { ends: { exitCode: ExitCode; code?: ErrorCode; text: string } }

/** What a line of the daemon says; it is an account's that may be taken over. @returns undefined for what no daemon says */
export function parseStartMessage(line: string): StartMessage | undefined {
  try {
    const { says, serves, ends } = fieldsOf(JSON.parse(line))
    if (typeof says === 'string') return { says }
    const { pid, listens } = fieldsOf(serves)
    if (isCount(pid)) return { serves: { pid, listens: parsePlace(listens) } }
    const { exitCode, code, text } = fieldsOf(ends)
    if (!isExitCode(exitCode) || typeof text !== 'string') return undefined
    return { ends: { exitCode, text, ...(isErrorCode(code) && { code }) } }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Who started us, as the daemon sees it. */
export class Starter {
  /** Aborts when nobody waits for us any more. */
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

  /** The last word, to whom still listens; the connection is given up. */
  async close(message: StartMessage): Promise<void> {
    if (this.#pipe.destroyed) return
    this.#pipe.removeAllListeners('end')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pipe.once('close', () => resolve()).end(`${JSON.stringify(message)}\n`, () => this.#pipe.destroy())
    await promise
  }
}
