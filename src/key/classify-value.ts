import { isUtf8 } from 'node:buffer'
import { ValueCipher } from './aes.ts'
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

const blockBytes = 16

/**
 * Tells what values are, by trying keys in turn; the first that gives text is the value's. A wrong key passes the
 * check of the padding once in 256 times, and what it gives then is hardly ever text.
 * @param keys the most likely first
 */
export function valueClassifier(keys: readonly Key[]): (value: Buffer) => ValueState {
  const ciphers = keys.map((key) => ({ key, cipher: new ValueCipher(key.reveal()) }))
  return (value) => {
    if (value.length === 0 || value.length % blockBytes !== 0) return { kind: 'plain' }
    for (const { key, cipher } of ciphers) {
      const text = cipher.decrypt(value)
      if (text && isText(text)) return { kind: 'encrypted', key, text }
    }
    return isUtf8(value) && isText(value) ? { kind: 'plain' } : { kind: 'undecryptable' }
  }
}
