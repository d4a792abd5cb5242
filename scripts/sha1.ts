/** SHA-1 for mysql2's login, in place of node:crypto; from the audited library that also makes our fingerprints. */
import { sha1 } from '@noble/hashes/legacy.js'

export function createHash(_name: 'sha1') {
  const hash = sha1.create()
  return {
    update: (data: string | Uint8Array) => void hash.update(typeof data === 'string' ? Buffer.from(data) : data),
    digest: () => Buffer.from(hash.digest()),
  }
}
