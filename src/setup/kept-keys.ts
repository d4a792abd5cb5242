/** The keys that were kept aside beside the key file: what they decrypt, and how to go back to one. */
import { listAsides } from '../host/files/keep-aside.ts'
import type { Host } from '../host/host.ts'
import type { Key } from '../key/key.ts'
import { parseKeyFile, parseKeyRow } from '../key/key-file.ts'
import { inspectKey } from '../keycheck/inspect.ts'
import type { CountedProof } from '../keycheck/refusal.ts'
import { quoteForShell, setupCommand } from '../text/command-line.ts'
import type { Machine } from './machine.ts'

/** A value that was replaced and kept aside. */
export interface KeptValue {
  path: string
  from: 'file' | 'row'
  /** undefined for a damaged value. */
  key: Key | undefined
}

/**
 * Describes where a value is kept and what it decrypts, with the command that restores it.
 * @param keyFile where the key file is
 */
export function describeKept({ path, from, key }: KeptValue, keyFile: string, proof: CountedProof, host: Host): string {
  const [kept, file] = [host.outside(path), host.outside(keyFile)]
  const what = from === 'file' ? 'what the file held' : 'what the row held'
  if (!key) return `${what}, damaged, is kept in ${kept}`
  const worth = proof.hasValues ? `, which decrypts ${proof.countsOf(key)},` : ''
  const [source, target] = [quoteForShell(kept), quoteForShell(file)]
  const text = from === 'file' ? `cat ${source}` : `printf '[key-value]\\nkey=%s\\n' "$(cat ${source})"`
  const undo = `${text} > ${target} && ${setupCommand(host.tree.root)} --adopt file`
  return `${what}, key ${key.fingerprint}${worth} is kept in ${kept}; to go back to it:\n  $ ${undo}`
}

/** Finds a key that was kept aside and is proven, where the key in use is not proven. */
export async function findBetterKey(machine: Machine): Promise<{ path: string; key: Key; counts: string } | undefined> {
  const { host } = machine
  const settings = await machine.settingsWithRows()
  const kept = listAsides(host.files, settings.keyFile).flatMap((path) => {
    const key = keyIn(host.files.read(path)?.bytes)
    return key ? [{ path, key }] : []
  })
  if (kept.length === 0) return undefined
  const keys = kept.map(({ key }) => key)
  const { file, proof } = await inspectKey(settings, host, await machine.store(), keys)
  if (file.kind !== 'good' || proof.verdictOn(file.key) === 'proven') return undefined
  const better = kept.find(({ key }) => proof.verdictOn(key) === 'proven')
  return better && { ...better, counts: proof.countsOf(better.key) }
}

/** The key in a file that was kept aside: that holds a whole key file, or the value of a row. */
function keyIn(bytes: Buffer = Buffer.alloc(0)): Key | undefined {
  for (const state of [parseKeyFile(bytes), parseKeyRow(bytes)]) if (state.kind === 'good') return state.key
  return undefined
}
