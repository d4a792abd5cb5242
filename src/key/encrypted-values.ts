import type { Key } from './key.ts'

/** What a sample of the encrypted values says. */
export interface Evidence {
  /** How many encrypted values the sample holds; 0 when nothing is encrypted. */
  sampled: number
  /** How many of them each asked key decrypts to printable text, by the key's text. */
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
