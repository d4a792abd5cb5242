import { writeSync } from 'node:fs'
import { systemCode } from '../../errors.ts'

/**
 * Whole lines on a descriptor. It never throws, and never waits where the descriptor does not: a
 * line that is not taken whole is dropped and counted, and told when there is room again.
 */
export class Lines {
  readonly #tellLoss: (lost: number) => string
  #descriptor: number | undefined
  #lost = 0
  /** What was written last ends within a line, so that a newline has to come before the next. */
  #isCut = false
  #total = 0
  #hasFailed = false

  /** @param tellLoss makes a line of the number of lines that were dropped since it was last told */
  constructor(tellLoss: (lost: number) => string) {
    this.#tellLoss = tellLoss
  }

  /** All lines that were dropped so far. */
  get lost(): number {
    return this.#total
  }

  /** The descriptor refused the last line, and not for want of room or time: it may never take one again. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** @param isCut what is behind the descriptor ends within a line */
  attach(descriptor: number | undefined, isCut = false): void {
    this.#descriptor = descriptor
    this.#isCut = isCut
    this.#hasFailed = false
  }

  append(line: string): void {
    if (this.#write(this.#news() + line)) this.#lost = 0
    else this.#drop()
  }

  /** Tells what was dropped and not told yet. */
  finish(): void {
    if (this.#lost > 0 && this.#write(this.#news())) this.#lost = 0
  }

  #news(): string {
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

/** There may be room again at the next line. */
const passingCodes = ['ENOSPC', 'EAGAIN', 'Unknown system error -122']
