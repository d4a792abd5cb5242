import { writeSync } from 'node:fs'
import { systemCode } from '../../errors.ts'
import { quotaExceeded } from '../explain-failure.ts'

/**
 * Writes whole lines to a descriptor. It never throws, and never blocks on a descriptor that does not block. A
 * line that cannot be written whole is dropped and counted; the number is reported when there is room again.
 */
export class LineWriter {
  readonly #tellLoss: (lost: number) => string
  #descriptor: number | undefined
  #lost = 0
  /** The last write ended in the middle of a line, so that a newline has to come before the next line. */
  #isCut = false
  #total = 0
  #hasFailed = false

  /** @param tellLoss makes a line of the number of lines that were dropped since the last such line */
  constructor(tellLoss: (lost: number) => string) {
    this.#tellLoss = tellLoss
  }

  /** All lines that were dropped so far. */
  get lost(): number {
    return this.#total
  }

  /** The last line failed with an error other than a full disk or buffer: the descriptor may never work again. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** @param isCut the file ends in the middle of a line */
  attach(descriptor: number | undefined, isCut = false): void {
    this.#descriptor = descriptor
    this.#isCut = isCut
    this.#hasFailed = false
  }

  append(line: string): void {
    if (this.#write(this.#lossNotice() + line)) this.#lost = 0
    else this.#drop()
  }

  /** Reports lines that were dropped and not reported yet. */
  finish(): void {
    if (this.#lost > 0 && this.#write(this.#lossNotice())) this.#lost = 0
  }

  #lossNotice(): string {
    return this.#lost > 0 ? this.#tellLoss(this.#lost) : ''
  }

  #drop(): void {
    this.#lost += 1
    this.#total += 1
  }

  #write(text: string): boolean {
    if (this.#descriptor === undefined) return false
    const bytes = Buffer.from(this.#isCut ? `\n${text}` : text)
    try {
      const written = writeSync(this.#descriptor, bytes)
      if (written > 0) this.#isCut = bytes[written - 1] !== newline
      this.#hasFailed = false
      return written === bytes.length
    } catch (error) {
      this.#hasFailed = !passingCodes.includes(systemCode(error) ?? '')
      return false
    }
  }
}

const newline = 10

/** Errors that may have passed at the next line: full disk, full buffer, quota (EDQUOT has no name in libuv). */
const passingCodes = ['ENOSPC', 'EAGAIN', quotaExceeded]
