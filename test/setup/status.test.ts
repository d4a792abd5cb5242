import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { provisioned } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { asStranger, ended, run, runIn, start } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'

function status(sandbox: Sandbox, ...args: string[]) {
  return run('frameworkd-setup', ['status', '--root', sandbox.root, ...args])
}

async function untilStateIs(sandbox: Sandbox, state: string): Promise<Record<string, unknown>> {
  for (;;) {
    const found = JSON.parse((await status(sandbox, '--output', 'json')).stdout)
    if (found.state === state) return found
    await sleep(50)
  }
}

/** A run that waits for a database that nobody serves. */
function startWaiting(sandbox: Sandbox) {
  const flags = ['--store', 'mysql', '--db-host', '127.0.0.1', '--db-port', '1', '--db-user', 'nobody']
  return start('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...flags, '--wait-for-db', '600'])
}

test('status says none before the first run, done after it, and failed with the reason after a refusal', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const none = await status(sandbox)
  assert.deepEqual([none.code, none.stdout], [3, 'state      none\n'])
  assert.equal((await sandbox.setup()).code, 0)
  const done = await status(sandbox)
  assert.equal(done.code, 0)
  assert.match(done.stdout, /^state {6}done\nlast run {3}changed, ended .*\nkey {8}[0-9a-f]{8}, from random\n$/)
  sandbox.write(`${keyPath}.next`, keyFileText(keyA))
  await sandbox.setRow('encryption_key', keyB)
  assert.equal((await sandbox.setup()).code, 3)
  const failed = await status(sandbox)
  assert.equal(failed.code, 1)
  assert.match(failed.stdout, /error {6}file and row hold different keys/)
  assert.match(failed.stdout, /hint {7}choose one/)
})

test('the document of status is the one on disk, and its state', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await sandbox.setup()
  const shown = JSON.parse((await status(sandbox, '--output', 'json')).stdout)
  const kept = JSON.parse(readFileSync(sandbox.path('/var/lib/frameworkd/setup/result.json'), 'utf8'))
  assert.deepEqual(shown, { ...kept, state: 'done' })
})

test('another account is told how the last run ended, and that it cannot be seen whether one is at work', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  chmodSync(sandbox.root, 0o755)
  assert.equal((await sandbox.setup()).code, 0)
  const ask = (...args: string[]) => runIn(asStranger, 'frameworkd-setup', ['status', '--root', sandbox.root, ...args])
  const { code, stdout } = await ask()
  assert.equal(code, 4)
  assert.match(
    stdout,
    /^state {6}unknown\nwhy {8}it cannot be seen .*setup\/lock.*; run it as root\nlast run {3}changed, ended /,
  )
  assert.equal((await ask('--wait')).code, 4)
  const told = JSON.parse((await ask('--output', 'json')).stdout)
  assert.deepEqual([told.state, told.outcome], ['unknown', 'changed'])
})

test('status names what a run waits for, waits with it, and tells a killed one from one that ended', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const waiting = startWaiting(sandbox)
  const seen = await untilStateIs(sandbox, 'waiting')
  assert.match(String(seen.waitsFor), /127\.0\.0\.1:1: nothing listens there/)
  assert.equal(seen.pid, waiting.pid)
  assert.equal((await status(sandbox)).code, 75)
  const following = start('frameworkd-setup', ['status', '--wait', '--root', sandbox.root])
  waiting.kill('SIGKILL')
  assert.equal((await ended(following)).code, 1)
  const killed = await status(sandbox)
  assert.deepEqual([killed.code, killed.stdout.split('\n')[0]], [1, `state      interrupted, pid ${waiting.pid}`])
  assert.equal((await sandbox.setup()).code, 0)
  assert.match((await status(sandbox)).stdout, /^state {6}done\n/)
})

test('a warning of several lines forges no line of status', async () => {
  await using sandbox = await provisioned('sqlite')
  const path = '/var/lib/frameworkd/setup/result.json'
  const result = JSON.parse(sandbox.read(path))
  sandbox.write(path, JSON.stringify({ ...result, warnings: ['one\nerror      forged'] }))
  const { stdout } = await run('frameworkd-setup', ['status', '--root', sandbox.root])
  assert.match(stdout, /^warning {4}one\n {11}error {6}forged$/m)
})
