/** What one prompt reads from and draws on; both know enough to draw the same prompt anew, with what was typed. */
import { PassThrough, Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { addedRows, eraseFrom } from '../../text/reflow.ts'
import { doNotMarkPastes, markPastes, PasteFilter } from './paste.ts'

/** Ctrl-C, Ctrl-D and Ctrl-Z: typed once, they do not come again with the rest. */
const onceOnly = ['\u0003', '\u0004', '\u001a']
const esc = '\u001b'
/** How a prompt ends its drawing where something stands below the line with the cursor. */
const backUp = new RegExp(`${esc}\\[(\\d+)A${esc}\\[\\d*G$`)

/** Standard input without what a paste must not do. It reads until it is disposed of. */
export class Keyboard extends PassThrough implements Disposable {
  readonly isTTY = true
  readonly #typed: string[]
  readonly #filter = new PasteFilter()
  readonly #decoder = new TextDecoder()

  /** @param earlier what was typed before, when the same prompt was drawn for another window */
  constructor(earlier: readonly string[]) {
    super()
    this.#typed = [...earlier]
  }

  /** Pieces, as they were typed. */
  get typed(): readonly string[] {
    return this.#typed
  }

  setRawMode(isRaw: boolean): this {
    process.stdin.setRawMode(isRaw)
    return this
  }

  /** Types again what was typed before, and reads on. To be called when the prompt has begun. */
  async begin(): Promise<void> {
    process.stdout.write(markPastes)
    for (const piece of this.#typed) {
      // A prompt looks at one piece a turn: it refuses an answer, for instance.
      await setImmediate()
      // The window has got yet another size meanwhile.
      if (this.destroyed) return
      this.write(piece)
    }
    process.stdin.on('data', this.#read).resume()
  }

  readonly #read = (data: Buffer) => {
    const piece = this.#filter.take(this.#decoder.decode(data, { stream: true }))
    if (piece === '') return
    this.#typed.push([...piece].filter((key) => !onceOnly.includes(key)).join(''))
    this.write(piece)
  };

  [Symbol.dispose](): void {
    process.stdin.off('data', this.#read).pause()
    process.stdout.write(doNotMarkPastes)
    this.destroy()
  }
}

/** Standard output, and what the prompt has drawn there last. */
export class Canvas extends Writable {
  readonly isTTY = true
  /** Lines above the one with the cursor. */
  #above: readonly string[] = []

  get columns(): number {
    return process.stdout.columns
  }

  get rows(): number {
    return process.stdout.rows
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const text = chunk.toString()
    const lines = stripVTControlCharacters(text).split('\n')
    // Whatever draws nothing moves the cursor alone.
    if (lines.join('') !== '') {
      const below = Number(backUp.exec(text)?.[1] ?? 0)
      this.#above = lines.slice(0, lines.length - 1 - below)
    }
    process.stdout.write(text)
    done()
  }

  /** After the prompt has erased itself as it was before the terminal got another width: what is left of it. */
  eraseRest(): void {
    process.stdout.write(eraseFrom(addedRows(this.#above, this.columns)))
  }
}
