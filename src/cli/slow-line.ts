/**
 * What is said while something takes long. At a terminal that can draw it is a line that goes when the waiting is over;
 * elsewhere, in a journal for instance, one line for all of a run; where a document is asked for, nothing.
 */
import { standardError } from '../host/output/output.ts'
import type { ProgramName } from '../product/own-program.ts'
import { printable } from '../text/printable.ts'
import { eraseLine } from '../text/reflow.ts'
import { usualColumns } from '../text/wrap.ts'

/** Who waits longer wants to know for what. */
const slowMs = 2000

export class SlowLine {
  /** Something else shows that work goes on. */
  isHeld = false
  readonly #program: ProgramName
  readonly #isDocument: boolean
  readonly #draws: boolean
  #isTold = false
  #isDrawn = false

  /** @param draws the terminal can move its cursor */
  constructor(program: ProgramName, format: 'text' | 'json', draws: boolean) {
    this.#program = program
    this.#isDocument = format === 'json'
    this.#draws = draws
  }

  /** Waits for work, and says so where it takes long. @param what is waited for, such as `database ossim on 192.0.2.1:3306` */
  readonly watch = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => this.#say(`waiting for ${what} ...`), slowMs)
    try {
      return await work
    } finally {
      clearTimeout(timer)
      this.#erase()
    }
  }

  #say(text: string): void {
    if (this.isHeld || this.#isDocument) return
    const { terminal } = standardError
    if (terminal && this.#draws) {
      this.#isDrawn = true
      terminal.write(`${eraseLine}${printable(text).slice(0, (terminal.columns || usualColumns) - 1)}`)
      return
    }
    if (this.#isTold) return
    this.#isTold = true
    standardError.write(`${this.#program}: ${text}\n`)
  }

  #erase(): void {
    if (this.#isDrawn) standardError.terminal?.write(eraseLine)
    this.#isDrawn = false
  }
}
