import assert from 'node:assert/strict'
import { chownSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { daemonVerb, provisioned, provisionedForAccount, serve, stop } from '../support/daemon.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { leftOut, someOf } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { keyB, keyPath, type Sandbox } from '../support/sandbox.ts'

const ini = '/etc/frameworkd/frameworkd.ini'

testOnEachStore('verify makes the checks of run, one a line, and changes nothing', async (kind) => {
  await using sandbox = await provisioned(kind)
  const [tree, rows] = [sandbox.tree(), await sandbox.dump()]
  const { code, stdout, stderr } = await daemonVerb(sandbox, 'verify')
  assert.equal(code, 0, stderr)
  const checks = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/).slice(0, 2).join(' '))
  assert.deepEqual(checks, [
    'settings ok',
    'account ok',
    'database ok',
    'rows ok',
    'key ok',
    'address ok',
    'pidfile ok',
  ])
  assert.equal(sandbox.tree(), tree)
  assert.equal(await sandbox.dump(), rows)
})

test('verify ends as a start would, and names the check that failed', async () => {
  const cases: [(sandbox: Sandbox) => unknown, number, string, RegExp][] = [
    [(sandbox) => sandbox.write(ini, 'store = paper\n'), 2, 'settings', /"paper"/],
    [(sandbox) => sandbox.write(ini, ''), 2, 'settings', /no store is configured/],
    [(sandbox) => sandbox.write('/etc/passwd', ''), 2, 'account', /www-data is not in/],
    [(sandbox) => sandbox.sql('DROP TABLE config'), 2, 'rows', /table config/],
    [(sandbox) => sandbox.setRow('frameworkd_port', '0'), 2, 'rows', /"0" is not a port/],
    [(sandbox) => sandbox.setRow('encryption_key', keyB), 3, 'key', /different keys/],
    [(sandbox) => rmSync(sandbox.path(keyPath)), 3, 'key', /missing in .*db_encryption_key/],
  ]
  for (const [spoil, exit, check, says] of someOf(cases, 2)) {
    await using sandbox = await provisioned()
    await spoil(sandbox)
    const { code, stdout, stderr } = await daemonVerb(sandbox, 'verify')
    assert.equal(code, exit, stdout + stderr)
    assert.match(stdout, new RegExp(`^${check} +failed$`, 'm'))
    assert.match(stderr, says)
    assert.equal((await daemonVerb(sandbox, 'start')).code, exit)
  }
})

test('verify ends with 75 at once when the database does not answer', async () => {
  await using sandbox = await provisioned('mysql')
  sandbox.write(ini, `${sandbox.read(ini)}db-host = 127.0.0.1\ndb-port = ${await freePort()}\n`)
  const { code, stdout } = await daemonVerb(sandbox, 'verify')
  assert.equal(code, 75)
  assert.match(stdout, /^database +failed$/m)
})

test('verify by root sees a key that the account of the service may not read', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await provisionedForAccount()
  assert.equal((await daemonVerb(sandbox, 'verify')).code, 0)
  chownSync(sandbox.path(keyPath), 0, 0)
  const { code, stdout, stderr } = await daemonVerb(sandbox, 'verify')
  assert.equal(code, 1)
  assert.match(stdout, /^key +failed$/m)
  assert.match(stderr, /db_encryption_key cannot be read \(EACCES\)/)
})

test('state that was made on another machine is a warning of verify and of the log, and stops nothing', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  sandbox.write('/etc/machine-id', `${'a'.repeat(32)}\n`)
  sandbox.write('/var/lib/frameworkd/machine-mark', `${'0'.repeat(32)}\n`)
  const { code, stdout } = await daemonVerb(sandbox, 'verify')
  assert.equal(code, 0)
  assert.match(stdout, /^warning +warning +the state in \/var\/lib\/frameworkd was made on another machine/m)
  using daemon = await serve(sandbox)
  assert.equal(await stop(daemon.child), 0)
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /\[WARNING\]: the state in .* another machine/)
})

test('verify --json is one document of all checks, with the first failure and the exit code of verify', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const good = await daemonVerb(sandbox, 'verify', ['--json'])
  assert.equal(good.code, 0, good.stderr)
  const whole = JSON.parse(good.stdout)
  assert.deepEqual([whole.version, whole.outcome, whole.error], [1, 'ok', undefined])
  const names = whole.checks.map(({ name }: { name: string }) => name)
  assert.deepEqual(names.slice(0, 5), ['settings', 'account', 'database', 'rows', 'key'])
  await sandbox.setRow('encryption_key', keyB)
  const bad = await daemonVerb(sandbox, 'verify', ['--json'])
  assert.equal(bad.code, 3)
  const failed = JSON.parse(bad.stdout)
  assert.deepEqual([failed.outcome, failed.error.code], ['failed', 'key-conflict'])
  assert.deepEqual(failed.checks.at(-1), { name: 'key', outcome: 'failed', detail: '' })
})
