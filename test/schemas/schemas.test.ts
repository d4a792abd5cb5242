/** The documents for programs are what their schemas say, in each state that they tell of. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { daemonVerb, provisioned, serve, stop } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { asStranger, run, runIn } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'

type Name = 'result' | 'setup-status' | 'daemon-status' | 'config'

function assertMatches(name: Name, text: string): { state?: string; outcome?: string } {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    formats: { 'date-time': isTime },
  })
  const validate = ajv.compile(JSON.parse(readFileSync(`docs/schemas/${name}.schema.json`, 'utf8')))
  const document: { state?: string; outcome?: string } = JSON.parse(text)
  const isValid: boolean = validate(document)
  assert.ok(isValid, `${ajv.errorsText(validate.errors)}\n${text}`)
  return document
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text)
}

test('the result document, of each outcome and of each verb that has one', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const outcomes: (string | undefined)[] = []
  const document = async (...args: string[]) => {
    const store = args[0] === 'status' ? [] : sandbox.flags
    const given = [...args, '--non-interactive', '--output', 'json', '--root', sandbox.root, ...store]
    const { stdout } = await run('frameworkd-setup', given)
    outcomes.push(assertMatches('result', stdout).outcome)
  }
  await document('--check', '--diff')
  await document()
  await document()
  assertMatches('result', sandbox.read('/var/lib/frameworkd/setup/result.json'))
  await document('--tags', 'nope')
  await document('uninstall', '--check')
  await document('seal', '--check')
  await document('key', 'rotate', '--no-backup', '--no-second-look', '--yes')
  assert.deepEqual(outcomes, ['pending', 'changed', 'ok', 'failed', 'pending', 'pending', 'changed'])
})

test('the status of setup: before the first run, after one, and after a refusal', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const status = async () => {
    const { stdout } = await run('frameworkd-setup', ['status', '--output', 'json', '--root', sandbox.root])
    return assertMatches('setup-status', stdout).state
  }
  assert.equal(await status(), 'none')
  await sandbox.setup()
  assert.equal(await status(), 'done')
  if (process.getuid?.() === 0) {
    chmodSync(sandbox.root, 0o755)
    const args = ['status', '--output', 'json', '--root', sandbox.root]
    const { stdout } = await runIn(asStranger, 'frameworkd-setup', args)
    assert.equal(assertMatches('setup-status', stdout).state, 'unknown')
  }
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyB)
  assert.equal((await sandbox.setup()).code, 3)
  assert.equal(await status(), 'done')
})

test('the status of the daemon: stopped, running, dead', async () => {
  await using sandbox = await provisioned('sqlite')
  const status = async () => assertMatches('daemon-status', (await daemonVerb(sandbox, 'status', ['--json'])).stdout)
  assert.equal((await status()).state, 'stopped')
  using daemon = await serve(sandbox)
  assert.equal((await status()).state, 'running')
  await stop(daemon.child)
  assert.equal((await status()).state, 'stopped')
})

test('the settings', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  for (const args of [[], ['--store', 'sqlite']])
    assertMatches(
      'config',
      (await run('frameworkd-setup', ['config', '--output', 'json', '--root', sandbox.root, ...args])).stdout,
    )
})
