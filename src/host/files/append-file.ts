import { closeSync, fstatSync, readSync } from 'node:fs'
import { Lines } from '../output/lines.ts'
import type { Files } from './files.ts'

/**
 * A file that lines are appended to and that never stops its writer: what cannot be written is
 * dropped, counted, and told when there is room again. A file that was removed is made anew by the
 * next line, and one that reports an error, as all do on a mount whose server has died, is opened anew:
 * each line is a new try. The writes are not put off: a line is with the kernel before `append`
 * returns, so that no end of the process loses one.
 */
export class AppendFile implements Disposable {
  readonly #files: Files
  readonly #lines: Lines
  #path: string
  #mode: number
  #descriptor: number | undefined

  /** @param tellLoss makes a line of the number of lines that were dropped */
  constructor(files: Files, path: string, mode: number, tellLoss: (lost: number) => string) {
    this.#files = files
    this.#path = path
    this.#mode = mode
    this.#lines = new Lines(tellLoss)
  }

  get lost(): number {
    return this.#lines.lost
  }

  /** Never throws. */
  append(line: string): void {
    if (this.#isGone()) this.#tryToOpen()
    this.#lines.append(line)
  }

  /**
   * Opens the path anew, after a rotation, or another path.
   * @throws KnownError when it cannot be opened, or is a link, folder or fifo; what was open stays open
   */
  open(path = this.#path, mode = this.#mode): void {
    const descriptor = this.#files.openToAppend(path, mode)
    this.#lines.finish()
    this.#close()
    this.#path = path
    this.#mode = mode
    this.#descriptor = descriptor
    this.#lines.attach(descriptor, endsWithinLine(descriptor))
  }

  [Symbol.dispose](): void {
    this.#lines.finish()
    this.#close()
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeAnyhow(this.#descriptor)
    this.#descriptor = undefined
    this.#lines.attach(undefined)
  }

  /** Lines are not sent to a file that nobody will find. */
  #tryToOpen(): void {
    this.#close()
    try {
      this.open()
    } catch {
      // Every line is a new try, and is counted as lost until one succeeds.
    }
  }

  /** A file of which nothing can be learnt is no better than one that was removed. */
  #isGone(): boolean {
    if (this.#descriptor === undefined || this.#lines.hasFailed) return true
    try {
      return fstatSync(this.#descriptor).nlink === 0
    } catch {
      return true
    }
  }
}

/** A writer was ended, or the disk was full, in the middle of a line. Where that cannot be seen, a line may be empty. */
function endsWithinLine(descriptor: number): boolean {
  const last = Buffer.alloc(1)
  try {
    const { size } = fstatSync(descriptor)
    return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString('latin1') !== '\n'
  } catch {
    return true
  }
}

/** An error at the end of a file that is given up says nothing that its lines have not said (close(2)). */
function closeAnyhow(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // The descriptor is gone all the same.
  }
}
