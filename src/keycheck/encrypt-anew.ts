import { aesEncrypt } from '../key/aes.ts'
import { classifyValue } from '../key/classify-value.ts'
import type { Key } from '../key/key.ts'
import type { Rewrite } from '../store/config-store.ts'

/**
 * How a value is encrypted anew, for ConfigStore.rewriteValues: what gives text under one of the keys is
 * encrypted with the new one; everything else stays as it is.
 * @param from the keys that it may be under, the most likely first
 * @param onUndecryptable gets to know of a value that is neither under one of these keys nor plain text
 */
export function encryptAnew(from: readonly Key[], to: Key, onUndecryptable: () => void = () => {}): Rewrite['anew'] {
  return (value) => {
    const state = classifyValue(value, [to, ...from])
    if (state.kind === 'undecryptable') onUndecryptable()
    if (state.kind !== 'encrypted' || state.key.equals(to)) return undefined
    return Buffer.from(aesEncrypt(state.text, to.reveal()) ?? [])
  }
}
