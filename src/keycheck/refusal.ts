import { KnownError } from '../errors.ts'
import type { Verdict } from '../key/encrypted-values.ts'
import type { Key } from '../key/key.ts'
import type { KeyState } from '../key/key-file.ts'
import type { Adoption, Proof, Refusal } from '../key/reconcile.ts'
import { importCommand, setupCommand } from '../text/command-line.ts'

/** What the stored values say, with the counts that people are told. */
export interface CountedProof extends Proof {
  /** `12 stored values`. */
  values: string
  /** `3 of 12 stored values`. */
  countsOf(key: Key): string
}

/** The two places and what they hold. */
export interface KeyPlaces {
  /** The root of the machine that they belong to; `/` is the running one. */
  root: string
  /** Where the key file is or belongs. */
  path: string
  /** The store that the row is in: `alienvault on 127.0.0.1:3306`. */
  store: string
  file: KeyState
  row: KeyState
  /** What the stored values say of the keys in them. */
  proof: CountedProof
}

export const rowName = 'row encryption_key of table config'

/** The row, where there may be several servers. */
export function rowIn({ store }: Pick<KeyPlaces, 'store'>): string {
  return `${rowName} in ${store}`
}

/** Another program has changed the row between our look and our write, which did not happen. */
export function rowChanged(places: Pick<KeyPlaces, 'store'>): KnownError {
  const message = `${rowIn(places)} was changed by another program meanwhile; nothing was changed`
  return new KnownError('busy', message, 'run again, and look at what it says before you choose')
}

/** A refusal as the error that people see: which side holds what, what is proven, and the way out. */
export function explainRefusal(refusal: Refusal, inspection: KeyPlaces): KnownError {
  switch (refusal.code) {
    case 'key-conflict':
      return explainConflict(refusal, inspection)
    case 'key-disproved': {
      const where = refusal.where === 'file' ? inspection.path : rowIn(inspection)
      const side = refusal.where === 'file' ? 'file' : 'database'
      return new KnownError(
        'key-disproved',
        `the only key, in ${where}${fingerprint(inspection, refusal.where)}, decrypts ${counts(inspection, refusal.where)}`,
        `put the right key back and run again, or keep this one: ${setupCommand(inspection.root)} --adopt ${side}`,
      )
    }
    case 'key-damaged': {
      const parts = [
        ...(refusal.file === undefined ? [] : [`${inspection.path} (${refusal.file})`]),
        ...(refusal.row === undefined ? [] : [`${rowIn(inspection)} (${refusal.row})`]),
      ]
      return new KnownError(
        'key-damaged',
        `damaged: ${parts.join(' and ')}`,
        `restore it from a backup and run again, or ${wayOut(inspection)}`,
      )
    }
  }
}

/** The file still holds a key from before a rotation: that ran on another machine, or was interrupted. */
export function supersededFile(old: Key, { path, row, root }: KeyPlaces): KnownError {
  const now = row.kind === 'good' ? ` by ${row.key.fingerprint}` : ''
  return new KnownError(
    'key-superseded',
    `the key in ${path} (${old.fingerprint}) was replaced${now} in a rotation, and the row holds the new one`,
    `bring the file forward: ${setupCommand(root)}`,
  )
}

/** Nothing holds the key any more, and values are encrypted with it. */
export function keyLost({ proof, root }: KeyPlaces, tried: string): KnownError {
  return new KnownError(
    'key-lost',
    `the key is lost: file and row have none, it has encrypted ${proof.values}, and ${tried}`,
    `restore it from its sealed backup: ${importCommand(root)}; or give the values up: ${setupCommand(root)} --adopt new`,
  )
}

/** Another machine claimed the row with another key between our look and our claim. */
export function claimedByAnother(inspection: KeyPlaces): KnownError {
  const message = `another machine has put a different key into ${rowIn(inspection)} meanwhile; ${inspection.path} holds its own`
  return new KnownError('key-conflict', message, 'run again to see which key is proven, then choose with --adopt')
}

function explainConflict(refusal: { file: Verdict; row: Verdict }, inspection: KeyPlaces): KnownError {
  const file = `${inspection.path}${fingerprint(inspection, 'file')}: ${says(inspection, 'file')}`
  const row = `${rowIn(inspection)}${fingerprint(inspection, 'row')}: ${says(inspection, 'row')}`
  const advice = advise(refusal, setupCommand(inspection.root))
  return new KnownError('key-conflict', `file and row hold different keys\n  ${file}\n  ${row}`, advice)
}

function says(inspection: KeyPlaces, side: 'file' | 'row'): string {
  const state = inspection[side]
  return state.kind === 'good' ? describeProof(state.key, inspection.proof) : 'no key'
}

/** What the stored values say of a key: `proven, it decrypts 12 of 12 stored values`. */
export function describeProof(key: Key, proof: CountedProof): string {
  if (!proof.hasValues) return 'not proven, there are no stored values'
  const verdict = proof.verdictOn(key)
  return `${verdict === 'unknown' ? 'not proven' : verdict}, it decrypts ${proof.countsOf(key)}`
}

/** What a human's decision keeps and gives up, with what the stored values say of both. */
export function describeAdoption(adopt: Adoption, inspection: KeyPlaces): string {
  const [file, row] = [describeSide('file', inspection), describeSide('row', inspection)]
  if (adopt === 'new') return `--adopt new makes a new key, and gives up what is there: ${file}; ${row}`
  const [kept, lost] = adopt === 'file' ? [file, row] : [row, file]
  return `--adopt ${adopt} keeps ${kept}, and gives up ${lost}`
}

/** `key 1a2b3c4d of the file (proven, it decrypts 12 of 12 stored values)` */
function describeSide(side: 'file' | 'row', inspection: KeyPlaces): string {
  const state = inspection[side]
  if (state.kind !== 'good') return `the ${side}, which ${state.kind === 'damaged' ? 'is damaged' : 'holds no key'}`
  return `key ${state.key.fingerprint} of the ${side} (${describeProof(state.key, inspection.proof)})`
}

/** How many of the stored values the key of a side decrypts. */
function counts(inspection: KeyPlaces, side: 'file' | 'row'): string {
  const state = inspection[side]
  return state.kind === 'good' ? inspection.proof.countsOf(state.key) : 'nothing'
}

function advise({ file, row }: { file: Verdict; row: Verdict }, command: string): string {
  if (file === 'proven' && row !== 'proven') return `keep the proven one: ${command} --adopt file`
  if (row === 'proven' && file !== 'proven') return `keep the proven one: ${command} --adopt database`
  return `choose one: ${command} --adopt file, or ${command} --adopt database`
}

function wayOut({ file, row, root }: KeyPlaces): string {
  const command = setupCommand(root)
  if (file.kind === 'good') return `keep the other side: ${command} --adopt file`
  if (row.kind === 'good') return `keep the other side: ${command} --adopt database`
  return `give the stored values up: ${command} --adopt new`
}

function fingerprint(inspection: KeyPlaces, side: 'file' | 'row'): string {
  const state = inspection[side]
  return state.kind === 'good' ? ` (${state.key.fingerprint})` : ''
}
