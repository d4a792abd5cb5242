import { ValueCipher } from '../key/aes.ts'
import { valueClassifier } from '../key/classify-value.ts'
import type { Key } from '../key/key.ts'
import type { Rewrite } from '../store/config-store.ts'

/**
 * Makes the function with which ConfigStore.rewriteValues encrypts values anew. A value that one of the keys
 * decrypts to text is encrypted with the new key. Every other value stays as it is, and so does one that is
 * encrypted with the new key already.
 * @param from the keys that may have encrypted a value, the most likely first
 * @param onUndecryptable called for each value that none of these keys decrypts and that is not plain text
 */
export function encryptAnew(
  from: readonly Key[],
  to: Key,
  onUndecryptable: () => void = () => {},
): Rewrite['newBytes'] {
  const classify = valueClassifier(from)
  const cipher = new ValueCipher(to.reveal())
  return (value) => {
    const state = classify(value)
    if (state.kind === 'undecryptable') onUndecryptable()
    return state.kind === 'encrypted' && !state.key.equals(to) ? cipher.encrypt(state.text) : undefined
  }
}
