import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
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
