/**
 * What is said while a database, or another run, is waited for. At a terminal that can draw it is one line that counts
 * down; elsewhere, in a journal for instance, a line for what is new and one a minute.
 */
import { standardError } from '../../host/output/output.ts'
import type { TellWaiting } from '../../setup/lock-setup.ts'
import { printable } from '../../text/printable.ts'
import { eraseLine } from '../../text/reflow.ts'

const program = 'frameworkd-setup'
const secondMs = 1000
const againMs = 60_000

export class WaitingLine implements Disposable {
  readonly #terminal: typeof standardError.terminal
  #what = ''
  #endMs = 0
  #toldAtMs = Number.NEGATIVE_INFINITY
  #ticks: NodeJS.Timeout | undefined

  /** @param draws the terminal can move its cursor */
  constructor(draws: boolean) {
    this.#terminal = draws ? standardError.terminal : undefined
  }

  /** As TellWaiting says. */
  say(what: string, leftMs: number): void {
    const isNew = what !== this.#what
    this.#what = what
    this.#endMs = performance.now() + leftMs
    if (this.#terminal) {
      this.#draw()
      this.#ticks ??= setInterval(() => this.#draw(), secondMs).unref()
      return
    }
    if (!isNew && performance.now() - this.#toldAtMs < againMs) return
    this.#toldAtMs = performance.now()
    standardError.write(`${program}: ${this.#text()}\n`)
  }

  #text(): string {
    const seconds = Math.max(Math.ceil((this.#endMs - performance.now()) / secondMs), 0)
    return `${this.#what}, ${seconds} s left`
  }

  /** What does not fit into the line is cut in front: how long it takes is at the end. */
  #draw(): void {
    const text = printable(this.#text())
    const room = (this.#terminal?.columns || 80) - 1
    this.#terminal?.write(`${eraseLine}${text.length > room ? `...${text.slice(3 - room)}` : text}`)
  }

  /** The line goes: what came of the waiting is said elsewhere. */
  [Symbol.dispose](): void {
    clearInterval(this.#ticks)
    if (this.#ticks) this.#terminal?.write(eraseLine)
    this.#ticks = undefined
  }
}

/** Waits, and says so meanwhile. @param draws the terminal can move its cursor */
export async function sayWaiting<T>(draws: boolean, wait: (tell: TellWaiting) => Promise<T>): Promise<T> {
  using line = new WaitingLine(draws)
  return await wait((what, leftMs) => line.say(what, leftMs))
}
