import { sha256 } from '@noble/hashes/sha2.js'

/** SHA-256 in hexadecimal, of few bytes. Not node:crypto's: loading that takes a quarter of Node's own start. */
export function sha256Hex(bytes: Uint8Array): string {
  return Buffer.from(sha256(bytes)).toString('hex')
}
