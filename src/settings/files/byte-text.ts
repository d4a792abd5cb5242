/**
 * Settings files are bytes: other programs and people write them, in UTF-8, latin1 or both. They are
 * handled as byte texts, in which each character is one byte (latin1 decodes and encodes every byte). So
 * the bytes of others survive, and white space is that of ASCII, as for the other readers.
 */

/** A text whose characters are bytes. */
export type ByteText = string

/** A character class for regular expressions of byte texts: what `\s` is for Python's and Perl's byte strings. */
export const whiteSpace = ' \\t\\r\\n\\f\\v'

export function byteTextOf(content: string | Buffer): ByteText {
  return Buffer.from(content).toString('latin1')
}

export function bytesOf(text: ByteText): Buffer {
  return Buffer.from(text, 'latin1')
}

/** The text for people, decoded as UTF-8; other bytes cannot be shown. */
export function readableText(text: ByteText): string {
  return bytesOf(text).toString('utf8')
}
