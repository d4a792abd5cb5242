const blockBytes = 16

/** Loaded when the first value is decrypted: most stores have none, and loading it costs a quarter of Node's own start. */
const crypto = () => process.getBuiltinModule('node:crypto')

/**
 * MySQL's AES_DECRYPT in its default mode: AES-128-ECB, the key folded by XOR into 16 bytes,
 * PKCS7 padding. NULL for wrong padding, as there.
 */
export function aesDecrypt(value: unknown, key: unknown): Uint8Array | null {
  const bytes = toBytes(value)
  if (!bytes || bytes.length === 0 || bytes.length % blockBytes !== 0) return null
  const decipher = crypto().createDecipheriv('aes-128-ecb', foldKey(String(key)), null)
  try {
    return Buffer.concat([decipher.update(bytes), decipher.final()])
  } catch {
    return null
  }
}

/** MySQL's AES_ENCRYPT, the reverse. */
export function aesEncrypt(value: unknown, key: unknown): Uint8Array | null {
  const bytes = toBytes(value)
  if (!bytes) return null
  const cipher = crypto().createCipheriv('aes-128-ecb', foldKey(String(key)), null)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

function foldKey(key: string): Buffer {
  const folded = Buffer.alloc(blockBytes)
  for (const [index, byte] of Buffer.from(key).entries()) {
    folded[index % blockBytes] = (folded[index % blockBytes] ?? 0) ^ byte
  }
  return folded
}

function toBytes(value: unknown): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value)
  return value instanceof Uint8Array ? Buffer.from(value) : undefined
}
