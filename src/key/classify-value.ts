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
 * Tells what values are, by trying keys in turn. A wrong key passes the check of the padding once in 256 times, and
 * one value of a single block in 1,500 is then text of latin1, in which nearly every byte is a letter. UTF-8 is
 * not had by chance: so a key that gives that goes before one that does not, and so does a value that is such text
 * itself.
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
