import { closeSync, fstatSync, readSync } from 'node:fs'
import { LineWriter } from '../output/line-writer.ts'
import type { Files } from './files.ts'

/**
 * A file to which lines are appended, and which never stops its writer: lines that cannot be written are
 * dropped and counted, and their number is reported when there is room again. A file that was removed is created
 * again by the next line. One that reports an error (every file does on a mount whose server has died) is opened
 * again: each line is a new try. Writes are not buffered: the kernel has a line before `append`
 * returns, so that none is lost when the process ends.
 */
export class AppendFile implements Disposable {
  readonly #files: Files
  readonly #lines: LineWriter
  #path: string
  #mode: number
  #descriptor: number | undefined

  /** @param tellLoss makes a line of the number of lines that were dropped */
  constructor(files: Files, path: string, mode: number, tellLoss: (lost: number) => string) {
    this.#files = files
    this.#path = path
    this.#mode = mode
    this.#lines = new LineWriter(tellLoss)
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
   * Opens the path again, after a rotation, or another path.
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

  /** Opens the file again; until that succeeds no line goes to the old one, which nobody would find. */
  #tryToOpen(): void {
    this.#close()
    try {
      this.open()
    } catch {
      // Every line is a new try, and is counted as lost until one succeeds.
    }
  }

  /** Whether the file was removed; one whose state cannot be read counts as removed. */
  #isGone(): boolean {
    if (this.#descriptor === undefined || this.#lines.hasFailed) return true
    try {
      return fstatSync(this.#descriptor).nlink === 0
    } catch {
      return true
    }
  }
}

/**
 * Whether a file ends in the middle of a line: its writer was killed, or the disk was full. Where that cannot be read,
 * it counts as yes, and the file may get an empty line.
 */
function endsWithinLine(descriptor: number): boolean {
  const last = Buffer.alloc(1)
  try {
    const { size } = fstatSync(descriptor)
    return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString('latin1') !== '\n'
  } catch {
    return true
  }
}

/** Ignores an error of close(2): its lines have reported it already. */
function closeAnyhow(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // The descriptor is gone all the same.
  }
}
