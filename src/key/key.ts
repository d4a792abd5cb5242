import { keyPattern } from '../text/key-pattern.ts'
import { Secret } from '../text/secret.ts'
import { sha256Hex } from '../text/sha256.ts'

const uuid = new RegExp(keyPattern)
const wholeUuid = new RegExp(`^${keyPattern}$`)

/**
 * What vendors leave in boards that have no UUID of their own, in both orders of bytes, as dmidecode may print it.
 * Ids that repeat one byte are not listed: isPlaceholder finds them by a pattern.
 */
const placeholderIds = [
  '03000200040005000006000700080009',
  '00020003000400050006000700080009',
  '123456781234567890ABCDDEEFAABBCC',
  '00112233445566778899AABBCCDDEEFF',
  '33221100554477668899AABBCCDDEEFF',
]

/**
 * The encryption key. Its letter case is part of it: AES works on the bytes of the text. It never
 * prints itself; people see the fingerprint.
 */
export class Key extends Secret {
  #fingerprint: string | undefined

  /** @returns undefined unless the text is a UUID and nothing else; nothing is trimmed */
  static parse(text: string): Key | undefined {
    return wholeUuid.test(text) ? new Key(text) : undefined
  }

  /** The first UUID in a program's output, or undefined. */
  static find(output: string): Key | undefined {
    const found = uuid.exec(output)
    return found ? new Key(found[0]) : undefined
  }

  /** The first 8 hex digits of the SHA-256 of the key's text. */
  get fingerprint(): string {
    this.#fingerprint ??= sha256Hex(Buffer.from(this.reveal())).slice(0, 8)
    return this.#fingerprint
  }

  /** Vendors leave this id in boards that have none of their own. Many machines have it, so it is no secret. */
  get isPlaceholder(): boolean {
    const digits = this.reveal().replaceAll('-', '').toUpperCase()
    return /^(..)\1*$/.test(digits) || placeholderIds.includes(digits)
  }

  equals(other: Key): boolean {
    return this.reveal() === other.reveal()
  }

  inUpperCase(): Key {
    return new Key(this.reveal().toUpperCase())
  }

  inLowerCase(): Key {
    return new Key(this.reveal().toLowerCase())
  }
}
