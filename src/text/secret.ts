import { inspect } from 'node:util'

/** A text that must not be shown: it prints as `[secret]` wherever it is formatted, logged or serialised. */
export class Secret {
  readonly #bytes: Buffer

  /** @param content bytes where it came from a file: they need not be UTF-8 */
  constructor(content: string | Buffer) {
    this.#bytes = Buffer.from(content)
  }

  /** The text itself, for the one place that needs it. */
  reveal(): string {
    return this.#bytes.toString('utf8')
  }

  /** Its bytes, which need not be UTF-8. */
  revealBytes(): Buffer {
    return Buffer.from(this.#bytes)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
