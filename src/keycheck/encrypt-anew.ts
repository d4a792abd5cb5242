import { ValueCipher } from '../key/aes.ts'
import { valueClassifier } from '../key/classify-value.ts'
import type { Key } from '../key/key.ts'
import type { Rewrite } from '../store/config-store.ts'

/**
 * How values are encrypted anew, for ConfigStore.rewriteValues: what gives text under one of the keys is
 * encrypted with the new one; everything else stays as it is, what is under the new one already among it.
 * @param from the keys that a value may be under, the most likely first
 * @param onUndecryptable gets to know of a value that is neither under one of these keys nor plain text
 */
export function encryptAnew(from: readonly Key[], to: Key, onUndecryptable: () => void = () => {}): Rewrite['anew'] {
  const classify = valueClassifier(from)
  const cipher = new ValueCipher(to.reveal())
  return (value) => {
    const state = classify(value)
    if (state.kind === 'undecryptable') onUndecryptable()
    return state.kind === 'encrypted' && !state.key.equals(to) ? cipher.encrypt(state.text) : undefined
  }
}
