import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { misspeltVariables } from '../../src/settings/variables.ts'
import { leftOut } from '../support/extent.ts'
import { run } from '../support/programs.ts'
import { Sandbox } from '../support/sandbox.ts'

test('a misspelt variable is told with the one that was meant', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { code, stdout } = await sandbox.setup(['--check'], { env: { FRAMEWORKD_DB_PROT: '3307' } })
  assert.equal(code, 0)
  assert.match(stdout, /warning: the variable FRAMEWORKD_DB_PROT has no effect; did you mean FRAMEWORKD_DB_PORT\?\n/)
})

test('a part of the name of a variable is known as one', () => {
  for (const [part, whole] of [
    ['HOST', 'DB_HOST'],
    ['PASSWORD', 'DB_PASSWORD_FILE'],
  ])
    assert.deepEqual(misspeltVariables({ [`FRAMEWORKD_${part}`]: 'x' }), [
      `the variable FRAMEWORKD_${part} has no effect; did you mean FRAMEWORKD_${whole}?`,
    ])
})

test('where no store is configured, and in config, the misspelt variable is named', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const env = { FRAMEWORKD_HOST: 'db.example' }
  const warning = 'the variable FRAMEWORKD_HOST has no effect; did you mean FRAMEWORKD_DB_HOST?'
  const root = ['--root', sandbox.root]
  const refused = await run('frameworkd-setup', ['check', ...root], { env })
  assert.equal(refused.code, 2)
  assert.ok(refused.stderr.startsWith(`frameworkd-setup: no store is configured\n  ${warning}\nhint: `), refused.stderr)
  for (const format of ['text', 'json']) {
    const told = await run('frameworkd-setup', ['config', '--output', format, ...root], { env })
    assert.deepEqual([told.code, told.stderr], [0, `warning: ${warning}\n`])
  }
})

test('variables that are ours, and those that Kubernetes makes for a Service of our name, are no misspelt ones', () => {
  const ours = ['FRAMEWORKD_DB_PORT', 'FRAMEWORKD_DB_PASSWORD_FILE', 'FRAMEWORKD_PURGE_KEY', 'FRAMEWORKD_START_PIPE']
  const ofKubernetes = ['SERVICE_HOST', 'SERVICE_PORT', 'PORT_40003_TCP', 'PORT_40003_TCP_ADDR', 'PORT_40003_TCP_PROTO']
  const names = [...ours, ...ofKubernetes.map((name) => `FRAMEWORKD_${name}`), 'PATH']
  assert.deepEqual(misspeltVariables(Object.fromEntries(names.map((name) => [name, 'x']))), [])
})

test('a password file that everybody can read is used, with a warning', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const file = sandbox.path('/operator/password')
  const warning = `every account can read the password in ${file}; chmod o= ${file}`
  for (const [mode, isTold] of [
    [0o644, true],
    [0o640, false],
  ] as const) {
    chmodSync(file, mode)
    const byFlag = await sandbox.setup(['--check', '--db-password-file', file])
    assert.equal(byFlag.stdout.includes(warning), isTold, byFlag.stdout)
    const byVariable = await sandbox.setup(['--check'], { env: { FRAMEWORKD_DB_PASSWORD_FILE: file } })
    assert.equal(byVariable.stdout.includes(warning), isTold, byVariable.stdout)
  }
})
