import { KnownError } from '../errors.ts'
import type { FoundFile } from '../host/files/read-entry.ts'
import type { Host } from '../host/host.ts'
import { countsOf, type Evidence, verdictOn } from '../key/encrypted-values.ts'
import type { Key } from '../key/key.ts'
import { type KeyState, parseKeyFile, parseKeyRow } from '../key/key-file.ts'
import { type Adoption, type Decision, reconcile } from '../key/reconcile.ts'
import { supersededKeys } from '../key/superseded.ts'
import type { Settings } from '../settings/resolve.ts'
import { type ConfigStore, keyRow, supersededRow } from '../store/config-store.ts'
import { setupCommand } from '../text/command-line.ts'
import { type CountedProof, explainRefusal, type KeyPlaces, rowIn, supersededFile } from './refusal.ts'

/** File, row and stored values as they are now. */
export interface KeyInspection extends KeyPlaces {
  found: FoundFile | undefined
  /** The keys that the row's key has replaced, the newest first. */
  superseded: readonly Key[]
  /** The row's bytes; empty when there are none. */
  rowBytes: Buffer
  proof: CountedProof
}

/**
 * Reads everything that the decision needs; changes nothing.
 * @param settings with the rows of table config, since one of them names the key file
 * @param others keys from elsewhere that are tried on the stored values, too
 * @throws KnownError when anything cannot be read: an error is never "absent"
 */
export async function inspectKey(
  settings: Settings,
  host: Host,
  store: ConfigStore,
  others: readonly Key[] = [],
): Promise<KeyInspection> {
  const path = settings.keyFile
  const found = host.files.read(path)
  const file: KeyState = found ? parseKeyFile(found.bytes) : { kind: 'absent' }
  const rows = await store.rows()
  const rowBytes = rows.get(keyRow) ?? Buffer.alloc(0)
  const row = parseKeyRow(rowBytes)
  const superseded = row.kind === 'good' ? supersededKeys(rows.get(supersededRow), row.key) : []
  const keys = [file, row].flatMap((state) => (state.kind === 'good' ? [state.key] : []))
  const proof = await examine(store, distinct([...keys, ...others]), superseded)
  return { root: host.tree.root, path, store: store.place, file, found, row, rowBytes, superseded, proof }
}

/** What inspectKey would find before table config is made: there are no rows yet, and nothing is encrypted. */
export function inspectWithoutTable({ keyFile: path }: Settings, host: Host, { place }: ConfigStore): KeyInspection {
  const found = host.files.read(path)
  const file: KeyState = found ? parseKeyFile(found.bytes) : { kind: 'absent' }
  const proof = proofOf({ sampled: 0, decrypted: new Map() })
  const [row, rowBytes] = [{ kind: 'absent' } as const, Buffer.alloc(0)]
  return { root: host.tree.root, path, store: place, file, found, row, rowBytes, superseded: [], proof }
}

/** Tries keys on a sample of the stored values. */
export async function examine(
  store: ConfigStore,
  keys: readonly Key[],
  superseded: readonly Key[] = [],
): Promise<CountedProof> {
  return proofOf(await store.examine(keys), superseded)
}

function proofOf(evidence: Evidence, superseded: readonly Key[] = []): CountedProof {
  const { sampled } = evidence
  return {
    hasValues: sampled > 0,
    values: `${sampled} stored ${sampled === 1 ? 'value' : 'values'}`,
    verdictOn: (key) => verdictOn(key, evidence),
    isSuperseded: (key) => superseded.some((old) => old.equals(key)),
    countsOf: (key) => countsOf(key, evidence),
  }
}

/**
 * The key that file and row agree on, as the daemon demands it before it serves.
 * @throws KnownError with exit code 3 when they do not
 */
export function requireAgreement(inspection: KeyInspection): { key: Key; warnings: string[] } {
  const decision = decideOn(inspection)
  if (decision.kind === 'keep')
    return { key: decision.key, warnings: decision.disproved ? [disprovedWarning(decision.key, inspection.proof)] : [] }
  if (decision.kind === 'refuse') throw explainRefusal(decision.refusal, inspection)
  if (decision.kind === 'copy-to-file' && decision.superseded) throw supersededFile(decision.superseded, inspection)
  if (inspection.file.kind === 'damaged') throw damagedFile(inspection, inspection.file.reason)
  const missing = missingSides(inspection).join(' and ')
  throw new KnownError(
    'key-missing',
    `the encryption key is missing in ${missing}`,
    `run ${setupCommand(inspection.root)}, which puts it in place`,
  )
}

export function decideOn(inspection: KeyInspection, adopt?: Adoption): Decision {
  return reconcile(inspection.file, inspection.row, inspection.proof, adopt)
}

export function disprovedWarning(key: Key, proof: CountedProof): string {
  return `key ${key.fingerprint} decrypts ${proof.countsOf(key)}; restore the key that encrypted them, or set the passwords anew`
}

/** For a damaged file beside a good row: beside any other row it is a refusal of its own. */
function damagedFile({ path, root }: KeyPlaces, reason: string): KnownError {
  const hint = `run ${setupCommand(root)}, which keeps the damaged file beside it and writes it anew from the row`
  return new KnownError('key-damaged', `the key file ${path} is damaged: ${reason}`, hint)
}

function missingSides(inspection: KeyInspection): string[] {
  const { file, row, path } = inspection
  return [...(file.kind === 'good' ? [] : [path]), ...(row.kind === 'good' ? [] : [rowIn(inspection)])]
}

function distinct(keys: readonly Key[]): Key[] {
  return keys.filter((key, index) => keys.findIndex((other) => other.equals(key)) === index)
}
