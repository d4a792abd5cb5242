/**
 * The decision table: every state of key file and row `encryption_key`, one decision. Pure.
 *
 * - a key that encrypted values disprove is never spread, and a good one never overwritten
 * - what only a human can decide is refused, unless `--adopt` has decided it
 * - a file that still holds a key from before a rotation gets the row's key: no human has to decide that. Where the
 *   values disprove both keys, they were unreadable before the rotation, too, and prove nothing of either key
 */
import type { Verdict } from './encrypted-values.ts'
import type { Key } from './key.ts'
import type { KeyState } from './key-file.ts'

export const adoptions = ['file', 'database', 'new'] as const
export type Adoption = (typeof adoptions)[number]

/** What the stored values say. */
export interface Proof {
  /** There are values that need a key. */
  hasValues: boolean
  verdictOn(key: Key): Verdict
  /** The row's key has replaced it, in one rotation or several. */
  isSuperseded(key: Key): boolean
}

export type Decision =
  /** File and row hold it. `disproved` is worth a warning; nobody is locked out. */
  | { kind: 'keep'; key: Key; disproved: boolean }
  /** Write the file with the row's key. A file that is damaged, superseded or given up is kept aside first. */
  | { kind: 'copy-to-file'; key: Key; aside?: 'damaged' | 'replaced'; superseded?: Key }
  /** Put the file's key into the empty row, unless another machine is faster. */
  | { kind: 'claim-row'; key: Key }
  /** Replace the row's value by the file's key; the old value is kept aside first. */
  | { kind: 'copy-to-row'; key: Key; aside: 'damaged' | 'replaced' }
  /** Make the first key. */
  | { kind: 'generate' }
  /** Values are encrypted and both places are empty: only the system id, proven, brings the key back. */
  | { kind: 'recover'; acceptLoss: boolean }
  /** A human has accepted the loss: make a new key over whatever is there. */
  | { kind: 'replace-both' }
  | { kind: 'refuse'; refusal: Refusal }

export type Refusal =
  | { code: 'key-conflict'; file: Verdict; row: Verdict }
  | { code: 'key-disproved'; where: 'file' | 'row' }
  | { code: 'key-damaged'; file?: string; row?: string }

/** The decision for a state; `adopt` counts only where a human is needed. */
export function reconcile(file: KeyState, row: KeyState, proof: Proof, adopt?: Adoption): Decision {
  const decision = decide(file, row, proof)
  if (adopt === undefined) return decision
  if (decision.kind === 'recover') return { ...decision, acceptLoss: adopt === 'new' }
  return decision.kind === 'refuse' ? (decideByAdoption(file, row, adopt) ?? decision) : decision
}

function decide(file: KeyState, row: KeyState, proof: Proof): Decision {
  if (file.kind === 'good' && row.kind === 'good') return decideBetween(file.key, row.key, proof)
  if (row.kind === 'good') {
    if (proof.verdictOn(row.key) === 'disproved') return refuse({ code: 'key-disproved', where: 'row' })
    return { kind: 'copy-to-file', key: row.key, ...(file.kind === 'damaged' && { aside: 'damaged' }) }
  }
  if (file.kind === 'damaged' || row.kind === 'damaged') {
    return refuse({
      code: 'key-damaged',
      ...(file.kind === 'damaged' && { file: file.reason }),
      ...(row.kind === 'damaged' && { row: row.reason }),
    })
  }
  if (file.kind === 'good') {
    if (proof.verdictOn(file.key) === 'disproved') return refuse({ code: 'key-disproved', where: 'file' })
    return { kind: 'claim-row', key: file.key }
  }
  return proof.hasValues ? { kind: 'recover', acceptLoss: false } : { kind: 'generate' }
}

function decideBetween(file: Key, row: Key, proof: Proof): Decision {
  if (!file.equals(row)) {
    if (proof.isSuperseded(file) && (proof.verdictOn(row) !== 'disproved' || proof.verdictOn(file) === 'disproved'))
      return { kind: 'copy-to-file', key: row, aside: 'replaced', superseded: file }
    return refuse({ code: 'key-conflict', file: proof.verdictOn(file), row: proof.verdictOn(row) })
  }
  return { kind: 'keep', key: file, disproved: proof.verdictOn(file) === 'disproved' }
}

/** @returns undefined where the side that the human chose holds no good key */
function decideByAdoption(file: KeyState, row: KeyState, adopt: Adoption): Decision | undefined {
  if (adopt === 'new') return { kind: 'replace-both' }
  if (adopt === 'file' && file.kind === 'good') {
    if (row.kind === 'absent') return { kind: 'claim-row', key: file.key }
    return { kind: 'copy-to-row', key: file.key, aside: row.kind === 'damaged' ? 'damaged' : 'replaced' }
  }
  if (adopt === 'database' && row.kind === 'good') {
    const aside = file.kind === 'damaged' ? 'damaged' : 'replaced'
    return { kind: 'copy-to-file', key: row.key, ...(file.kind !== 'absent' && ({ aside } as const)) }
  }
  return undefined
}

function refuse(refusal: Refusal): Decision {
  return { kind: 'refuse', refusal }
}
