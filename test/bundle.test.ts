import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { BundleIndex } from '../scripts/bundle-index.ts'
import { ended, programFile } from './support/programs.ts'
import { Sandbox, storeKinds } from './support/sandbox.ts'

for (const kind of storeKinds) {
  test(`${kind}: the bundle sets a machine up, and a second time changes nothing`, async () => {
    await using sandbox = await Sandbox.create(kind)
    const program = programFile('frameworkd-setup')
    const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
    const setup = () => ended(spawn(process.execPath, [program, ...args]))
    assert.match((await setup()).stdout, /changed=[1-9]/)
    assert.match((await setup()).stdout, /changed=0/)
    assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
  })
}

test('what the bundle loads only when it is needed is there: the names of errors of the driver', async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/operator/password', 'wrong')
  const program = programFile('frameworkd-setup')
  const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
  const { code, stderr } = await ended(spawn(process.execPath, [program, ...args]))
  assert.equal(code, 2)
  assert.match(stderr, /it refuses the account or its password/)
})

test('what seals with a passphrase is in one piece: calls from one chunk into another would take scrypt a minute', () => {
  const bytes = readFileSync(join(dirname(programFile('frameworkd-setup')), '../dist/setup.bundle'))
  const bodyAt = 4 + bytes.readUInt32LE()
  const index: BundleIndex = JSON.parse(bytes.toString('latin1', 4, bodyAt))
  const codeOf = ([at, cache, code]: BundleIndex['packs'][string]) =>
    bytes.toString('latin1', bodyAt + at + cache, bodyAt + at + cache + code)
  const sealing = Object.values(index.packs)
    .map(codeOf)
    .filter((code) => code.includes('age-encryption.org/v1'))
  assert.equal(sealing.length, 1)
  // One chunk has what esbuild itself needs in all others.
  const others = new Set(sealing.join().match(/require\("\.\/[^"]+"\)/g))
  assert.equal(others.size, 1, [...others].join())
})
