/** What a person decides with `--adopt` is told before and after, with the way back. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { provisioned } from '../support/daemon.ts'
import { leftOut, someOf } from '../support/extent.ts'
import { programFile } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'

/** The file holds the key that has encrypted three values, the row another. */
async function conflict(): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyB)
  await sandbox.addEncrypted(keyA)
  return sandbox
}

/** Runs the command that a message ends with, as a shell of the administrator would. */
function follow(sandbox: Sandbox, text: string): void {
  const command = /to go back to it:\n {2}\$ (.*)$/m.exec(text)?.[1] ?? assert.fail(`no way back: ${text}`)
  const program = `${process.execPath} ${programFile('frameworkd-setup')} --non-interactive`
  const { status, stderr } = spawnSync('sh', ['-c', command.replace('frameworkd-setup', program)], { encoding: 'utf8' })
  assert.equal(status, 0, `${command}\n${stderr}`)
  assert.deepEqual(sandbox.keyInFile(), keyA)
}

test('check mode says of both sides how many values their keys decrypt, before one is given up', async () => {
  await using sandbox = await conflict()
  const { stdout, code } = await sandbox.setup(['--adopt', 'database', '--check'])
  assert.equal(code, 0)
  assert.match(
    stdout,
    /warning: --adopt database keeps key \w{8} of the row \(disproved, it decrypts none of 3 stored values\), and gives up key \w{8} of the file \(proven, it decrypts 3 of 3 stored values\)/,
  )
})

test('the way out of a conflict stays in the tree that was worked on', async () => {
  await using sandbox = await conflict()
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 3)
  assert.ok(
    stderr.endsWith(`hint: keep the proven one: frameworkd-setup --root ${sandbox.root} --adopt file\n`),
    stderr,
  )
})

for (const side of someOf(['database', 'file'] as const, 1)) {
  test(`--adopt ${side}: what was given up is named, and the command that brings it back does so`, async () => {
    await using sandbox = await conflict()
    // The other way round the row's key is the proven one.
    if (side === 'file') {
      sandbox.write(keyPath, keyFileText(keyB), 0o400)
      await sandbox.setRow('encryption_key', keyA)
    }
    const { stdout, code } = await sandbox.setup(['--adopt', side])
    assert.equal(code, 0)
    assert.match(stdout, /which decrypts 3 of 3 stored values, is kept in \S+db_encryption_key\.replaced-\S+; /)
    assert.equal(sandbox.keyInFile(), keyB)
    follow(sandbox, stdout)
    assert.equal(await sandbox.keyInRow(), keyA)
  })
}

test('a damaged file is named where it is kept', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, '[key-value]\nkey=nonsense\n', 0o400)
  await sandbox.setRow('encryption_key', keyA)
  const { stdout, code } = await sandbox.setup()
  assert.equal(code, 0)
  assert.match(stdout, /what the file held, damaged, is kept in \S+db_encryption_key\.damaged-\S+/)
})

test('--adopt where both sides agree says that there was nothing to decide', async () => {
  await using sandbox = await provisioned('sqlite')
  const { stdout, code } = await sandbox.setup(['--adopt', 'file'])
  assert.equal(code, 0)
  assert.match(stdout, /ok +encryption-key +.*; there was nothing to decide for --adopt/)
})

test('whoever has several servers is told in which one the row is', async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyB)
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 3)
  assert.ok(
    stderr.includes(
      `row encryption_key of table config in ${sandbox.database} on 127.0.0.1:${process.env.TEST_MARIADB_PORT} (`,
    ),
    stderr,
  )
})
