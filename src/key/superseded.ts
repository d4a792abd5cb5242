/**
 * Keys that were replaced: row `encryption_key_superseded` of table `config`. One line for each, the oldest
 * first: the hexadecimal text of the old key's text, encrypted with the key that replaced it. So whoever has
 * the row's key can tell whether another key was the true one once, and nobody else learns anything.
 */
import { aesDecrypt, aesEncrypt } from './aes.ts'
import { Key } from './key.ts'

/** A line is 97 bytes, and the column holds 65,535: keys from before that many rotations are nobody's any more. */
const mostLines = 500

/** Anything else in the row is not kept: it would take the room of the next key. */
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
    // Of another key's past, or put there by somebody who does not know the key: it hides nothing of what is before.
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
