/**
 * What is inside a sealed key: the whole text of the key file, and one more comment line. Somebody who opens it by
 * hand (`age -d`) can use the output as the key file: all readers of the key file accept it.
 */
import type { Key } from './key.ts'
import { parseKeyFile } from './key-file.ts'

/** What was inside, or why that is no key; the reason never quotes it. */
export type SealedText =
  | { kind: 'good'; key: Key /** ISO 8601; absent where somebody else has sealed a key file. */; exportedAt?: string }
  | { kind: 'damaged'; reason: string }

const noteBegins = '#Exported by frameworkd-setup'
const note = /^#Exported by frameworkd-setup on (\d{4}-\d\d-\d\dT[\d:.]+Z), fingerprint ([0-9a-f]{8})$/

/** @param keyFile the bytes of a good key file that holds the key */
export function renderSealedText(keyFile: Buffer, key: Key, now: Date): Buffer {
  const lines = keyFile.toString('latin1').replace(/\n$/, '').split('\n')
  // A key file that was restored by hand still has the comment line of its last export.
  const others = lines.filter((line) => !line.startsWith(noteBegins))
  const line = `${noteBegins} on ${now.toISOString()}, fingerprint ${key.fingerprint}`
  return Buffer.from(`${[...others, line].join('\n')}\n`, 'latin1')
}

/**
 * Reads what was sealed, by us or by somebody else. A fingerprint that stands beside the key must be that of the key.
 */
export function parseSealedText(bytes: Buffer): SealedText {
  const state = parseKeyFile(bytes)
  if (state.kind === 'absent') return { kind: 'damaged', reason: 'it is a key file without a key' }
  if (state.kind === 'damaged') return state
  const { key } = state
  const notes = bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith(noteBegins))
    .map((line) => note.exec(line))
  if (notes.some((found) => found?.[2] !== key.fingerprint))
    return { kind: 'damaged', reason: 'the fingerprint in it is not that of its key' }
  const exportedAt = notes.at(-1)?.[1]
  return { kind: 'good', key, ...(exportedAt !== undefined && { exportedAt }) }
}
