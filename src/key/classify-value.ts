import { isUtf8 } from 'node:buffer'
import { blockBytes, ValueCipher } from './aes.ts'
import { isText } from './encrypted-values.ts'
import type { Key } from './key.ts'

/** What a stored value is. */
export type ValueState =
  /** One of the keys gives this text. */
  | { kind: 'encrypted'; key: Key; text: Uint8Array }
  /** It was never encrypted. */
  | { kind: 'plain' }
  /** None of the keys gives text, and it is no text itself. */
  | { kind: 'undecryptable' }

/**
 * Makes a function that classifies a stored value by trying keys in turn. A wrong key passes the check of the
 * padding for 1 value in 256. For 1 value in 1,500 (of a single block) the result is also latin1 text, since nearly
 * every byte is a letter in latin1. Random bytes are hardly ever UTF-8. So this is the order: a key that gives UTF-8
 * text; a value that is UTF-8 text itself, which is plain; a key that gives latin1 text.
 * @param keys the most likely first
 */
export function valueClassifier(keys: readonly Key[]): (value: Buffer) => ValueState {
  const ciphers = keys.map((key) => ({ key, cipher: new ValueCipher(key.reveal()) }))
  return (value) => {
    if (value.length === 0 || value.length % blockBytes !== 0) return { kind: 'plain' }
    let latin1: ValueState | undefined
    for (const { key, cipher } of ciphers) {
      const text = cipher.decrypt(value)
      if (!text || !isText(text)) continue
      if (isUtf8(text)) return { kind: 'encrypted', key, text }
      latin1 ??= { kind: 'encrypted', key, text }
    }
    if (isUtf8(value) && isText(value)) return { kind: 'plain' }
    return latin1 ?? { kind: 'undecryptable' }
  }
}
