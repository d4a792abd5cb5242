import { closeSync, writeSync } from 'node:fs'
import type { Files } from './files.ts'

/**
 * A file that lines are appended to and that never stops its writer: what cannot be written is
 * dropped, counted, and told when there is room again.
 */
export class AppendFile implements Disposable {
  readonly #files: Files
  readonly #path: string
  readonly #mode: number
  #descriptor: number
  #dropped = 0

  /** @throws KnownError when it cannot be opened, or is a link, folder or fifo */
  constructor(files: Files, path: string, mode: number) {
    this.#files = files
    this.#path = path
    this.#mode = mode
    this.#descriptor = files.openToAppend(path, mode)
  }

  /** @param tellLoss makes a line of the number of lines that were dropped */
  append(line: string, tellLoss: (dropped: number) => string): void {
    const lost = this.#dropped > 0 ? tellLoss(this.#dropped) : ''
    try {
      const text = Buffer.from(lost + line)
      if (writeSync(this.#descriptor, text) === text.length) this.#dropped = 0
      else this.#dropped += 1
    } catch {
      this.#dropped += 1
    }
  }

  /** Opens the path anew, after a rotation; keeps the old file when that fails. */
  reopen(): void {
    const descriptor = this.#files.openToAppend(this.#path, this.#mode)
    closeSync(this.#descriptor)
    this.#descriptor = descriptor
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
  }
}
