/** `key import`: puts the key of a sealed backup into file and row. sealed-key-decision.ts decides whether it may. */
import type { Plan } from '../engine/task.ts'
import { decideImport, type ImportDecision } from '../key/sealed-key-decision.ts'
import { inspectKey, inspectWithoutTable, type KeyInspection } from '../keycheck/inspect.ts'
import { rowName } from '../keycheck/refusal.ts'
import { type CandidateKey, claimedBeforeImport, explainImportRefusal } from '../keycheck/sealed-refusal.ts'
import { services } from '../paths.ts'
import { KeyWriter } from './key-writer.ts'
import type { Machine, SetupTask } from './machine.ts'
import { database } from './tasks/database.ts'

export interface ImportRequest {
  candidate: CandidateKey
  /** Another good key may be replaced, whatever is proven. */
  force: boolean
}

/** What an import does, in order. */
export function importTasks(request: ImportRequest): readonly SetupTask[] {
  return [database, importedKey(request)]
}

function importedKey(request: ImportRequest): SetupTask {
  return {
    name: 'imported-key',
    title: 'Put the sealed key in place',
    tags: ['key', 'identity'],
    plan: (machine) => planImport(request, machine),
  }
}

/** The plan that puts the candidate into file and row. @throws KnownError with exit code 3 where that is not allowed */
export async function planImport({ candidate, force }: ImportRequest, machine: Machine): Promise<Plan> {
  const { key } = candidate
  const store = await machine.store()
  const settings = await machine.settingsWithRows()
  // The table is missing only in check mode: else the task before has made it.
  const seen = (await store.schema()).table
    ? await inspectKey(settings, machine.host, store, [key])
    : inspectWithoutTable(settings, machine.host, store)
  machine.host.files.requireOurs(settings.keyFile, machine.owner)
  const decision = decideImport(key, seen.file, seen.row, seen.proof, force)
  if (decision.kind === 'refuse') throw explainImportRefusal(decision, candidate, seen)
  const writer = new KeyWriter(machine, store, seen)
  const { file, row } = decision
  if (file.kind === 'keep' && row.kind === 'keep') return writer.planRepair(key, [])
  return {
    outcome: 'change',
    summary: `put key ${key.fingerprint} of ${candidate.place} into ${describe(decision, seen)}`,
    diff: [writer.diff(key)],
    restarts: services.daemon,
    apply: () => putInPlace(decision, candidate, writer, seen),
  }
}

type PutDecision = Extract<ImportDecision, { kind: 'put' }>

/**
 * The steps are in the order of key-writer.ts. The claim of the row comes first, since it may fail and replaces
 * nothing.
 */
async function putInPlace(
  { file, row }: PutDecision,
  { key }: CandidateKey,
  writer: KeyWriter,
  seen: KeyInspection,
): Promise<void> {
  if (row.kind === 'fill') {
    const winner = await writer.claimRow(key)
    if (winner.kind !== 'good' || !winner.key.equals(key)) throw claimedBeforeImport(seen)
  }
  if (file.kind === 'replace') writer.keepFileAside(file.aside)
  if (row.kind === 'replace') {
    writer.keepRowAside(row.aside)
    await writer.replaceRow(key)
  }
  if (file.kind === 'keep') writer.repairFile()
  else writer.writeFile(key, 'file')
}

function describe({ file, row }: PutDecision, { path }: KeyInspection): string {
  const places = [...(row.kind === 'keep' ? [] : [rowName]), ...(file.kind === 'keep' ? [] : [path])]
  const kept = [file, row].flatMap((placement) => (placement.kind === 'replace' ? [placement.aside] : []))
  return `${places.join(' and ')}${kept.length > 0 ? `; what was there is kept beside ${path}` : ''}`
}
