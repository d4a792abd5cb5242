/** What people are told where a sealed key is not the one that is in place, or may not be put there. */
import { KnownError } from '../errors.ts'
import type { Key } from '../key/key.ts'
import type { Comparison, ImportDecision, Side } from '../key/sealed-key-decision.ts'
import { exportCommand, importCommand, setupCommand } from '../text/command-line.ts'
import { describeProof, type KeyPlaces, rowIn } from './refusal.ts'

/** A sealed key that was opened, and where it came from. */
export interface CandidateKey {
  key: Key
  /** For people. */
  place: string
  /** Its path; undefined where it came from standard input. */
  file: string | undefined
}

/** Why an import changes nothing. */
export function explainImportRefusal(
  decision: Extract<ImportDecision, { kind: 'refuse' }>,
  candidate: CandidateKey,
  inspection: KeyPlaces,
): KnownError {
  if (inspection.proof.isSuperseded(candidate.key)) return supersededCandidate(candidate, inspection)
  if (decision.code === 'key-disproved') return sealedKeyDisproved(candidate, inspection)
  const message = `another key is in place, and was left there\n  ${listKeys(candidate, inspection, decision.sides)}`
  const hint = `keep what is there, or replace it: ${importCommand(inspection.root, candidate.file)} --force`
  return new KnownError('key-conflict', message, hint)
}

/** @returns undefined where the sealed key is the key of this installation */
export function explainComparison(
  comparison: Comparison,
  candidate: CandidateKey,
  inspection: KeyPlaces,
): KnownError | undefined {
  const { root } = inspection
  const [exporting, importing] = [exportCommand(root), importCommand(root, candidate.file)]
  switch (comparison.kind) {
    case 'same':
      return undefined
    case 'disproved':
      return sealedKeyDisproved(candidate, inspection)
    case 'superseded': {
      const message = `${describeCandidate(candidate)} was replaced in a rotation: it only decrypts what is older`
      const hint = `make a backup of the key that is in place: ${exporting}`
      return new KnownError('key-superseded', message, hint)
    }
    case 'different': {
      const message = `this is the backup of another key\n  ${listKeys(candidate, inspection, comparison.sides)}`
      const hint = `make a new backup: ${exporting}; or put this key in place: ${importing}`
      return new KnownError('key-conflict', message, hint)
    }
    case 'incomparable': {
      const message = `nothing to compare ${describeCandidate(candidate)} with: no key is in place, and stored values do not prove it`
      return new KnownError('key-missing', message, `if it is the right one: ${importing}`)
    }
  }
}

/** Another machine has claimed the row while this one imported a key. */
export function claimedBeforeImport(places: KeyPlaces): KnownError {
  const message = `another machine has put a different key into ${rowIn(places)} meanwhile; nothing was replaced`
  return new KnownError('key-conflict', message, 'run again to see which key is proven')
}

/** The refusal of a superseded key. After the loss of the key file no backup is needed: the row has the new key. */
function supersededCandidate(candidate: CandidateKey, places: KeyPlaces): KnownError {
  const message = `${describeCandidate(candidate)} was replaced in a rotation, and ${rowIn(places)} holds the new one`
  return new KnownError('key-superseded', message, `put the key of the row in place: ${setupCommand(places.root)}`)
}

function sealedKeyDisproved(candidate: CandidateKey, { proof }: KeyPlaces): KnownError {
  const message = `${describeCandidate(candidate)} decrypts ${proof.countsOf(candidate.key)}`
  return new KnownError('key-disproved', message, 'take the backup of the key that has encrypted them')
}

function listKeys(candidate: CandidateKey, places: KeyPlaces, sides: readonly Side[]): string {
  const { path, file, row, proof } = places
  const lines = [`${describeCandidate(candidate)}: ${describeProof(candidate.key, proof)}`]
  for (const side of sides) {
    const state = side === 'file' ? file : row
    if (state.kind !== 'good') continue
    const name = side === 'file' ? path : rowIn(places)
    lines.push(`${name} (${state.key.fingerprint}): ${describeProof(state.key, proof)}`)
  }
  return lines.join('\n  ')
}

function describeCandidate({ key, place }: CandidateKey): string {
  return `the key sealed in ${place} (${key.fingerprint})`
}
