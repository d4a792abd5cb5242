import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { FoundFile } from '../host/read-entry.ts'
import { othersCanWrite } from '../host/tree.ts'
import { paths } from '../paths.ts'
import type { Settings } from '../settings/resolve.ts'
import type { ConfigStore } from '../store/config-store.ts'
import { verdictOn } from './encrypted-values.ts'
import type { Key } from './key.ts'
import { type KeyState, looksLikeKeyFile, parseKeyFile, parseKeyRow } from './key-file.ts'
import { type Adoption, type Decision, type Proof, reconcile } from './reconcile.ts'
import { explainRefusal, type KeyPlaces } from './refusal.ts'

/** File, row and stored values as they are now. */
export interface KeyInspection extends KeyPlaces {
  found: FoundFile | undefined
  /** The row's bytes; empty when there are none. */
  rowBytes: Buffer
  proof: Proof
}

/**
 * Reads everything that the decision needs; changes nothing.
 * @param settings with the rows, since one of them names the file
 * @throws KnownError when anything cannot be read: an error is never "absent"
 */
export async function inspectKey(settings: Settings, host: Host, store: ConfigStore): Promise<KeyInspection> {
  const path = settings.keyFile
  if (path !== paths.keyFile) requireSafePath(path, host)
  const found = host.files.read(path)
  const file: KeyState = found ? parseKeyFile(found.bytes) : { kind: 'absent' }
  const rowBytes = (await store.rows()).get('encryption_key') ?? Buffer.alloc(0)
  const row = parseKeyRow(rowBytes)
  const keys = [file, row].flatMap((state) => (state.kind === 'good' ? [state.key] : []))
  return { path, file, found, row, rowBytes, proof: await examine(store, distinct(keys)) }
}

/** What the stored values say of some keys. */
export async function examine(store: ConfigStore, keys: readonly Key[]): Promise<Proof> {
  const evidence = await store.examine(keys)
  return { hasValues: evidence.sampled > 0, verdictOn: (key) => verdictOn(key, evidence) }
}

/**
 * The key that file and row agree on, as the daemon demands it before it serves.
 * @throws KnownError with exit code 3 when they do not
 */
export function requireAgreement(inspection: KeyInspection): { key: Key; warnings: string[] } {
  const decision = decideOn(inspection)
  if (decision.kind === 'keep')
    return { key: decision.key, warnings: decision.disproved ? [disprovedWarning(decision.key)] : [] }
  if (decision.kind === 'refuse') throw explainRefusal(decision.refusal, inspection)
  const missing = missingSides(inspection).join(' and ')
  throw new KnownError(
    'key-missing',
    `the encryption key is missing in ${missing}`,
    'run frameworkd-setup, which puts it in place',
  )
}

export function decideOn(inspection: KeyInspection, adopt?: Adoption): Decision {
  return reconcile(inspection.file, inspection.row, inspection.proof, adopt)
}

export function disprovedWarning(key: Key): string {
  return `key ${key.fingerprint} decrypts none of the stored values; restore the key that encrypted them, or set the passwords anew`
}

function missingSides({ file, row, path }: KeyInspection): string[] {
  return [
    ...(file.kind === 'good' ? [] : [path]),
    ...(row.kind === 'good' ? [] : ['row encryption_key of table config']),
  ]
}

function distinct(keys: readonly Key[]): Key[] {
  return keys.filter((key, index) => keys.findIndex((other) => other.equals(key)) === index)
}

/**
 * Whoever can write the table must not be able to aim root at any file: parents are root's alone,
 * and what is there is nothing, an empty file, or one that begins like a key file.
 */
function requireSafePath(path: string, host: Host): void {
  const names = path.split('/').slice(1)
  if (names.some((name) => name === '' || name === '.' || name === '..')) throw unsafePath(path, 'is not a plain path')
  for (const [index] of names.entries()) {
    const folder = names.slice(0, index).join('/')
    const stats = index === 0 ? host.files.rootStats() : host.files.stat(`/${folder}`)
    if (!stats) return
    if (!stats.isDirectory()) throw unsafePath(path, `is below /${folder}, which is not a folder`)
    if (othersCanWrite(stats)) throw unsafePath(path, `is below /${folder}, which others than root may write`)
  }
  const there = host.files.stat(path)
  if (there?.isFile() && !looksLikeKeyFile(host.files.read(path)?.bytes ?? Buffer.alloc(0))) {
    throw unsafePath(path, 'names a file that is not a key file')
  }
}

function unsafePath(path: string, why: string): KnownError {
  const hint = `set the row to ${paths.keyFile}`
  return new KnownError('configuration', `row frameworkd_keyfile of table config: ${path} ${why}`, hint)
}
