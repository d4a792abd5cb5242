import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { misspeltVariables } from '../../src/settings/variables.ts'
import { Sandbox } from '../support/sandbox.ts'

test('a misspelt variable is told with the one that was meant', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { code, stdout } = await sandbox.setup(['--check'], { env: { FRAMEWORKD_DB_PROT: '3307' } })
  assert.equal(code, 0)
  assert.match(stdout, /warning: the variable FRAMEWORKD_DB_PROT says nothing; did you mean FRAMEWORKD_DB_PORT\?\n/)
})

test('variables that are ours, and those that Kubernetes makes for a Service of our name, are no misspelt ones', () => {
  const ours = ['FRAMEWORKD_DB_PORT', 'FRAMEWORKD_DB_PASSWORD_FILE', 'FRAMEWORKD_PURGE_KEY', 'FRAMEWORKD_START_PIPE']
  const ofKubernetes = ['SERVICE_HOST', 'SERVICE_PORT', 'PORT_40003_TCP', 'PORT_40003_TCP_ADDR', 'PORT_40003_TCP_PROTO']
  const names = [...ours, ...ofKubernetes.map((name) => `FRAMEWORKD_${name}`), 'PATH']
  assert.deepEqual(misspeltVariables(Object.fromEntries(names.map((name) => [name, 'x']))), [])
})

test('a password file that everybody can read is taken, and not without a word', async () => {
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
