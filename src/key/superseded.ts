/**
 * Keys that were replaced: row `encryption_key_superseded` of table `config`. One line for each, the oldest
 * first: the old key's text, encrypted with the key that replaced it, in hexadecimal. So somebody who has the
 * row's key can tell whether another key was in use once, and nobody else learns anything.
 */
import { aesDecrypt, aesEncrypt } from './aes.ts'
import { Key } from './key.ts'

/** A line is 97 bytes, and the column holds 65,535. Nobody uses a key from before so many rotations any more. */
const mostLines = 500

/** A line of another form is dropped: it would take the room that the next key needs. */
const wholeLine = /^[0-9a-f]{96}$/i

/**
 * The keys that were replaced, the newest first.
 * @param row the bytes of the row
 * @param current the key of row `encryption_key`
 */
export function supersededKeys(row: Buffer | null | undefined, current: Key): readonly Key[] {
  const keys: Key[] = []
  let newer = current
  for (const line of linesOf(row).reverse()) {
    const older = decryptLine(line, newer)
    // The line is from another key's history, or somebody without the key wrote it. The lines before it still count.
    if (!older) continue
    keys.push(older)
    newer = older
  }
  return keys
}

/** The text of the row once `next` has replaced `current`. */
export function withSuperseded(row: Buffer | null | undefined, current: Key, next: Key): string {
  const line = aesEncrypt(current.reveal(), next.reveal()).toString('hex').toUpperCase()
  return [...linesOf(row), line].slice(-mostLines).join('\n')
}

function linesOf(row: Buffer | null | undefined): string[] {
  const lines = row?.toString('latin1').split('\n') ?? []
  return lines.map((line) => line.trim()).filter((line) => wholeLine.test(line))
}

function decryptLine(line: string, newer: Key): Key | undefined {
  const text = aesDecrypt(Buffer.from(line, 'hex'), newer.reveal())
  return text ? Key.parse(text.toString('latin1')) : undefined
}
