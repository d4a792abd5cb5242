/**
 * What is done with a key from a sealed backup. Pure, as reconcile.ts is:
 *
 * - a key that stored values disprove is never put in place, not even by force
 * - another good key is replaced in three cases only: it is disproved and the imported one proven; by force; or the
 *   imported key is the row's, and has replaced the other one in a rotation
 * - what is replaced is kept aside
 */
import type { Key } from './key.ts'
import type { KeyState } from './key-file.ts'
import type { Proof } from './reconcile.ts'

export type Side = 'file' | 'row'

/** What is done with a side. What is replaced is kept aside first, under a name that says why (`aside`). */
type Placement = { kind: 'keep' } | { kind: 'fill' } | { kind: 'replace'; aside: 'damaged' | 'replaced' }

export type ImportDecision =
  | { kind: 'put'; file: Placement; row: Placement }
  | { kind: 'refuse'; code: 'key-disproved' }
  /** The sides that hold another good key. */
  | { kind: 'refuse'; code: 'key-conflict'; sides: readonly Side[] }

/** @param force another good key may be replaced, whichever key is proven */
export function decideImport(key: Key, file: KeyState, row: KeyState, proof: Proof, force: boolean): ImportDecision {
  if (proof.verdictOn(key) === 'disproved') return { kind: 'refuse', code: 'key-disproved' }
  const isOfRow = row.kind === 'good' && row.key.equals(key)
  const mayReplace = (other: Key) =>
    (proof.verdictOn(key) === 'proven' && proof.verdictOn(other) === 'disproved') ||
    (isOfRow && proof.isSuperseded(other))
  const sides = findOtherKeys(key, file, row).filter(({ other }) => !force && !mayReplace(other))
  if (sides.length > 0) return { kind: 'refuse', code: 'key-conflict', sides: sides.map(({ side }) => side) }
  return { kind: 'put', file: placementOf(key, file), row: placementOf(key, row) }
}

/** How a sealed key compares with what is in place. */
export type Comparison =
  /** It is the key of this installation. `missing` are the sides that hold no good key. */
  | { kind: 'same'; missing: readonly Side[] }
  | { kind: 'disproved' }
  /** It was the key once, and was replaced in a rotation. */
  | { kind: 'superseded' }
  | { kind: 'different'; sides: readonly Side[] }
  /** Neither side holds a key, and the stored values prove nothing. */
  | { kind: 'incomparable' }

export function compareSealedKey(key: Key, file: KeyState, row: KeyState, proof: Proof): Comparison {
  if (proof.isSuperseded(key)) return { kind: 'superseded' }
  if (proof.verdictOn(key) === 'disproved') return { kind: 'disproved' }
  const others = findOtherKeys(key, file, row)
  if (others.length > 0) return { kind: 'different', sides: others.map(({ side }) => side) }
  const missing = sidesOf(file, row).flatMap(({ side, state }) => (state.kind === 'good' ? [] : [side]))
  if (missing.length === 2 && proof.verdictOn(key) !== 'proven') return { kind: 'incomparable' }
  return { kind: 'same', missing }
}

function sidesOf(file: KeyState, row: KeyState): { side: Side; state: KeyState }[] {
  return [
    { side: 'file', state: file },
    { side: 'row', state: row },
  ]
}

function findOtherKeys(key: Key, file: KeyState, row: KeyState): { side: Side; other: Key }[] {
  return sidesOf(file, row).flatMap(({ side, state }) =>
    state.kind === 'good' && !state.key.equals(key) ? [{ side, other: state.key }] : [],
  )
}

function placementOf(key: Key, state: KeyState): Placement {
  switch (state.kind) {
    case 'absent':
      return { kind: 'fill' }
    case 'damaged':
      return { kind: 'replace', aside: 'damaged' }
    case 'good':
      return state.key.equals(key) ? { kind: 'keep' } : { kind: 'replace', aside: 'replaced' }
  }
}
