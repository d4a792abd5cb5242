import { fstatSync, writeSync } from 'node:fs'
import { systemCode } from '../../errors.ts'
import { printable } from '../../text/printable.ts'
import { openAnew } from './open-anew.ts'
import { mayBeTerminal } from './terminal-device.ts'

/**
 * Standard output or standard error, for texts that are written whole. It never blocks: a reader that
 * does not read holds up neither our work nor a signal. Node's own stream is used only where it has to be: on a
 * terminal, a socket, and a pipe whose reader does not keep up. It loads the whole module net, which takes
 * a tenth of Node's own start time.
 */
class Output {
  readonly #descriptor: 1 | 2
  /** The descriptor that is written to directly; undefined until it is known, and where Node's stream is needed. */
  #direct: number | undefined
  #stream: NodeJS.WriteStream | undefined
  #error: Error | undefined

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor
  }

  /** The terminal behind it, for lists and questions that are drawn there; undefined where it is no terminal. */
  get terminal(): NodeJS.WriteStream | undefined {
    if (!mayBeTerminal(this.#descriptor)) return undefined
    const stream = this.#useStream()
    return stream.isTTY ? stream : undefined
  }

  /** Characters in a line of the terminal. */
  get columns(): number | undefined {
    return this.terminal?.columns
  }

  /** Never throws: `settle` reports what was lost. Unprintable characters are replaced, whoever wrote the text. */
  write(raw: string): void {
    this.draw(printable(raw))
  }

  /** The same for a text that is printable, except for its colours. */
  draw(text: string): void {
    this.#direct ??= this.#stream ? undefined : openDirectly(this.#descriptor)
    if (this.#stream || this.#direct === undefined) this.#useStream().write(text)
    else if (!this.#error) this.#writeNow(this.#direct, Buffer.from(text))
  }

  /**
   * Waits until everything was written.
   * @returns why some of it was lost; undefined when all was written, or the reader has gone (it has read enough)
   */
  async settle(): Promise<Error | undefined> {
    const stream = this.#stream
    if (stream && stream.writableLength > 0) await new Promise((taken) => stream.write('', taken))
    // The stream reports the error of a write in the next turn of the event loop.
    if (stream) await new Promise(setImmediate)
    return systemCode(this.#error) === 'EPIPE' ? undefined : this.#error
  }

  #writeNow(descriptor: number, bytes: Buffer): void {
    let done = 0
    try {
      while (done < bytes.length) done += writeSync(descriptor, bytes, done)
    } catch (error) {
      if (systemCode(error) === 'EAGAIN') this.#useStream().write(bytes.subarray(done))
      else this.#error = error as Error
    }
  }

  #useStream(): NodeJS.WriteStream {
    if (this.#stream) return this.#stream
    const stream = this.#descriptor === 1 ? process.stdout : process.stderr
    stream.on('error', (error) => (this.#error ??= error))
    this.#stream = stream
    return stream
  }
}

/** The descriptor to write to without Node's stream; undefined for a socket, and for a pipe that may not be opened. */
function openDirectly(descriptor: 1 | 2): number | undefined {
  const stats = fstatSync(descriptor)
  if (stats.isSocket()) return undefined
  return stats.isFIFO() ? openAnew(descriptor) : descriptor
}

export const standardOutput = new Output(1)
export const standardError = new Output(2)
