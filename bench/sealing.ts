/**
 * A backup with a passphrase, beside the same work by the library that seals it, as npm has it: what the bundle makes of
 * that library must not be slower (scripts/bundled-alone.ts).
 */
import { keyA, keyFileText, keyPath, Sandbox } from '../test/support/sandbox.ts'
import { figuresOf, table } from './figures.ts'
import { measure, type Subject } from './processes.ts'

const rounds = 3

/** Seals and opens, as `key export` does to be sure of what it has made. */
const byLibrary = `import { Decrypter, Encrypter } from 'age-encryption'
const sealing = new Encrypter()
sealing.setPassphrase('correct horse')
const sealed = await sealing.encrypt('text')
const opening = new Decrypter()
opening.addPassphrase('correct horse')
await opening.decrypt(sealed)`

/** @param setup the command, without arguments */
export async function sealingTable(setup: Subject['command']): Promise<string> {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyA)
  sandbox.write('/operator/passphrase', 'correct horse\n', 0o600)
  const passphrase = ['--passphrase-file', sandbox.path('/operator/passphrase')]
  const ours: Subject = {
    name: 'key export',
    command: [...setup, 'key', 'export', '--to', '-', ...passphrase, '--root', sandbox.root, ...sandbox.flags],
  }
  const library: Subject = { name: 'library', command: [setup[0], '--input-type=module', '-e', byLibrary] }
  const samples = await measure([ours, library], rounds)
  const [median = 0, there = 0] = [ours, library].map((subject) => figuresOf(samples.get(subject) ?? []).median)
  const seconds = (ms: number) => (ms / 1000).toFixed(2)
  return table(
    ['a backup with a passphrase', 'key export, s', 'the library, s', 'ratio'],
    [['sealed, and opened', seconds(median), seconds(there), (median / there).toFixed(2)]],
  )
}
