/**
 * MySQL's AES_ENCRYPT and AES_DECRYPT in their default mode: AES-128-ECB, the key folded by XOR into 16 bytes,
 * PKCS7 padding.
 */
import type { Cipheriv, Decipheriv } from 'node:crypto'

/** AES encrypts so many bytes at a time. */
export const blockBytes = 16

/**
 * Loaded for the first value: most stores hold no encrypted one, and loading it costs a quarter of Node's own start.
 */
const crypto = () => process.getBuiltinModule('node:crypto')

/** One key's cipher, for any number of values: a block of ECB does not depend on those before it. */
export class ValueCipher {
  readonly #key: Buffer
  #encrypting: Cipheriv | undefined
  #decrypting: Decipheriv | undefined

  /** @param key the key's text */
  constructor(key: string) {
    this.#key = foldKey(key)
  }

  encrypt(text: Uint8Array): Buffer {
    this.#encrypting ??= crypto().createCipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false)
    const padding = blockBytes - (text.length % blockBytes)
    return this.#encrypting.update(Buffer.concat([text, Buffer.alloc(padding, padding)]))
  }

  /** @returns null where the padding is wrong, as AES_DECRYPT gives NULL */
  decrypt(value: Uint8Array): Buffer | null {
    if (value.length === 0 || value.length % blockBytes !== 0) return null
    this.#decrypting ??= crypto().createDecipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false)
    const padded = this.#decrypting.update(value)
    const padding = padded.at(-1) ?? 0
    if (padding < 1 || padding > blockBytes) return null
    const text = padded.subarray(0, padded.length - padding)
    return padded.subarray(text.length).every((byte) => byte === padding) ? text : null
  }
}

export function aesDecrypt(value: Uint8Array, key: string): Buffer | null {
  return new ValueCipher(key).decrypt(value)
}

export function aesEncrypt(text: string | Uint8Array, key: string): Buffer {
  return new ValueCipher(key).encrypt(Buffer.from(text))
}

function foldKey(key: string): Buffer {
  const folded = Buffer.alloc(blockBytes)
  for (const [index, byte] of Buffer.from(key).entries()) {
    folded[index % blockBytes] = (folded[index % blockBytes] ?? 0) ^ byte
  }
  return folded
}
