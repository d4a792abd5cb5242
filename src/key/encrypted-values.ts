import type { Key } from './key.ts'

/** What a sample of the encrypted values says. */
export interface Evidence {
  /** How many encrypted values the sample holds; 0 when nothing is encrypted. */
  sampled: number
  /** For each key that was tried, by its text: how many of these values it decrypts to text. */
  decrypted: ReadonlyMap<string, number>
}

export type Verdict = 'proven' | 'disproved' | 'unknown'

/** Proven: more than half of the sample. Disproved: none, of at least two. Else nothing is known. */
export function verdictOn(key: Key, evidence: Evidence): Verdict {
  const decrypted = evidence.decrypted.get(key.reveal()) ?? 0
  if (decrypted * 2 > evidence.sampled) return 'proven'
  if (decrypted === 0 && evidence.sampled >= 2) return 'disproved'
  return 'unknown'
}

/** The counts for people, as the end of the sentence "the key decrypts …". */
export function countsOf(key: Key, { sampled, decrypted }: Evidence): string {
  const values = `${sampled} stored ${sampled === 1 ? 'value' : 'values'}`
  const right = decrypted.get(key.reveal()) ?? 0
  return right === 0 ? `none of ${values}` : `${right} of ${values}`
}

/**
 * Text of any charset that OSSIM knows: no control characters but tab, line feed, form feed and
 * carriage return. Scan credentials are XML with line feeds in it.
 */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte !== 0x7f) || [0x09, 0x0a, 0x0c, 0x0d].includes(byte))
}
