/** One run from lock to result, while others are at work, and after some that were killed. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Host } from '../../../src/host/host.ts'
import { acquireLock } from '../../../src/host/processes/locks/lock.ts'
import { paths } from '../../../src/paths.ts'
import { lockForChange, lockInTime } from '../../../src/setup/lock-setup.ts'
import type { Machine } from '../../../src/setup/machine.ts'
import { lockForWork } from '../../../src/setup/run-mark.ts'
import { sealWithPassphraseQuickly } from '../../support/age.ts'
import { provisioned } from '../../support/daemon.ts'
import { testOnEachStore } from '../../support/each-store.ts'
import { byExtent, leftOut, someOf } from '../../support/extent.ts'
import { startMariaDb } from '../../support/mariadb.ts'
import { ended, run as programRun, start } from '../../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, socketOfRun } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

/** As a run that has begun its work. */
function beginWork(host: Host): Disposable {
  const lock = lockForWork(host)
  assert.ok(lock)
  return lock
}

testOnEachStore('a run that finds nothing to do keeps its result, and gives the lock back empty', async (kind) => {
  await using sandbox = await provisioned(kind)
  const before = sandbox.read(paths.setupResult)
  const { code, stdout } = await sandbox.setup(['--output', 'json'])
  assert.equal(code, 0)
  assert.notEqual(sandbox.read(paths.setupResult), before)
  assert.deepEqual(JSON.parse(sandbox.read(paths.setupResult)), JSON.parse(stdout))
  assert.equal(sandbox.read(paths.setupLock), '')
  beginWork(new Host(sandbox.root))[Symbol.dispose]()
})

test('while another run is at work, one that would find nothing to do is busy', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const before = sandbox.read(paths.setupResult)
  using _other = beginWork(new Host(sandbox.root))
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 75)
  assert.match(stderr, /another run of frameworkd-setup is at work here/)
  assert.equal(sandbox.read(paths.setupResult), before)
})

/** A run that waits for another one, once it has said so. */
async function startWaiting(sandbox: Sandbox, ...args: string[]) {
  const child = start('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...sandbox.flags, ...args])
  const end = ended(child)
  let said = ''
  child.stderr?.on('data', (text) => (said += text))
  await until(() => said.includes('waiting for it to end'))
  return { child, end }
}

test('with --wait-for-lock a run waits for the one at work, names it, and then does its work', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path(paths.setupState))
  const other = beginWork(new Host(sandbox.root))
  const run = await startWaiting(sandbox, '--wait-for-lock', '600')
  // What the other run leaves behind counts.
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyA)
  other[Symbol.dispose]()
  const { code, stdout, stderr } = await run.end
  assert.equal(code, 0, stderr)
  assert.match(stderr, new RegExp(`at work here \\(pid ${process.pid}\\); waiting for it to end, \\d+ s left\\n`))
  assert.match(stdout, /^= ok +encryption-key/m)
  assert.equal(sandbox.keyInFile(), keyA)
})

test('a run that waits in vain for another one ends with 75, and Ctrl-C ends it with 130', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const before = sandbox.read(paths.setupResult)
  using _other = beginWork(new Host(sandbox.root))
  const { code, stderr } = await sandbox.setup(['--wait-for-lock', '1'])
  assert.equal(code, 75)
  assert.match(stderr, /waiting for it to end, 1 s left\n.*another run of frameworkd-setup is at work here\nhint: /)
  const run = await startWaiting(sandbox, '--wait-for-lock', '600')
  run.child.kill('SIGINT')
  assert.equal((await run.end).code, 130)
  assert.equal(sandbox.read(paths.setupResult), before)
})

test('a lock whose holder cannot be seen is tried again from time to time, until the time is up', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const host = new Host(sandbox.root)
  mkdirSync(sandbox.path(paths.setupState))
  // As by flock(1), or in another container: there is no mark of a process that is alive here.
  using _held = acquireLock(host.tree, paths.setupLock)
  const machine = { host, settings: { waitForLock: 1 }, signal: new AbortController().signal } as Machine
  let attempts = 0
  const lock = () => {
    attempts += 1
    return lockForChange(host)
  }
  await assert.rejects(
    lockInTime(machine, () => {}, lock),
    { code: 'busy' },
  )
  assert.ok(attempts > 1 && attempts < 10, `${attempts} attempts`)
})

test('a key that is imported waits for the run at work, too', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  sandbox.write('/operator/passphrase', 'correct horse battery')
  const file = sandbox.path('/operator/key.age')
  const sealed = ['--passphrase-file', sandbox.path('/operator/passphrase'), '--root', sandbox.root, ...sandbox.flags]
  await sealWithPassphraseQuickly(sandbox.read(keyPath), 'correct horse battery', file)
  const other = beginWork(new Host(sandbox.root))
  const child = start('frameworkd-setup', ['key', 'import', '--from', file, ...sealed, '--wait-for-lock', '600'])
  const end = ended(child)
  await new Promise((said) => child.stderr?.once('data', said))
  other[Symbol.dispose]()
  assert.equal((await end).code, 0)
})

test('a server that goes away in the middle is waited for, and the result has what was changed before', {
  skip: leftOut,
}, async () => {
  await using server = await startMariaDb()
  await using sandbox = await Sandbox.create('mysql', { server })
  const args = ['--wait-for-db', '600', '--output', 'json']
  const run = await startHeldUp(sandbox, server.socket, args)
  await server.kill()
  await run.release().catch(() => {})
  await until(() => existsSync(sandbox.path(paths.setupWaiting)))
  // Nothing is held while it is waited for.
  beginWork(new Host(sandbox.root))[Symbol.dispose]()
  await server.restart()
  const { code, stdout, stderr } = await run.end
  assert.equal(code, 0, stderr)
  assert.match(stderr, /trying again, \d+ s left/)
  const { tasks, outcome } = JSON.parse(stdout)
  assert.equal(outcome, 'changed')
  assert.deepEqual(
    tasks.filter((task: { outcome: string }) => task.outcome === 'changed').map(({ name }: { name: string }) => name),
    ['settings', 'encryption-key', 'directories', 'log-rotation'],
  )
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
})

/** A run that is held up in the middle of its plans, by a lock on the table. */
async function startHeldUp(sandbox: Sandbox, socketPath = socketOfRun(), args: readonly string[] = []) {
  const other = await createConnection({
    socketPath,
    user: userInfo().username,
    database: sandbox.database,
  })
  other.on('error', () => {})
  await other.query('LOCK TABLES config WRITE')
  const child = start('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...sandbox.flags, ...args])
  const waits = 'SELECT 1 FROM information_schema.processlist WHERE db = ? AND state LIKE "Waiting for table%"'
  await until(async () => (await other.query<RowDataPacket[]>(waits, [sandbox.database]))[0].length > 0)
  return { child, end: ended(child), release: () => other.end() }
}

test('a run that only looks holds the lock all the same, and status names it', { skip: leftOut }, async () => {
  await using sandbox = await provisioned('mysql')
  const run = await startHeldUp(sandbox)
  assert.equal(lockForWork(new Host(sandbox.root)), undefined)
  const status = await programRun('frameworkd-setup', ['status', '--root', sandbox.root, '--output', 'json'])
  assert.equal(status.code, 75)
  assert.equal(JSON.parse(status.stdout).pid, run.child.pid)
  await run.release()
  assert.match((await run.end).stdout, /changed=0/)
})

test('Ctrl-C ends a run that has changed nothing yet, with 130, and is what status tells of', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned('mysql')
  const before = sandbox.tree()
  const run = await startHeldUp(sandbox)
  run.child.kill('SIGINT')
  assert.equal((await run.end).code, 130)
  await run.release()
  assert.equal(sandbox.tree(), before)
  assert.equal(JSON.parse(sandbox.read(paths.setupResult)).error.code, 'interrupted')
})

const dead = JSON.stringify({
  process: { pid: 2 ** 22, startTime: '1', bootId: '00000000-0000-4000-8000-000000000000' },
})
const left = {
  'a result that was not finished': ['/var/lib/frameworkd/setup/.result.json.frameworkd-new', '{'],
  'the lock': [paths.setupLock, dead],
  'a note of waiting': [paths.setupWaiting, dead],
} as const

for (const [what, [path, content]] of someOf(Object.entries(left), 1)) {
  test(`${what} that a killed run has left is cleared away by the next one, though nothing else is to do`, async () => {
    await using sandbox = await provisioned()
    sandbox.write(path, content)
    assert.match((await sandbox.setup()).stdout, /changed=0/)
    assert.equal(existsSync(sandbox.path(path)) && sandbox.read(path), path === paths.setupLock ? '' : false)
  })
}

const runsAtOnce = byExtent({ sample: 4, all: 16, long: 16 })

test(`of ${runsAtOnce} runs at once each ends well or is told that another is at work`, async () => {
  await using sandbox = await provisioned()
  const runs = await Promise.all(Array.from({ length: runsAtOnce }, () => sandbox.setup()))
  const codes = runs.map(({ code }) => code)
  assert.ok(codes.includes(0))
  assert.deepEqual(
    codes.filter((code) => code !== 0 && code !== 75),
    [],
    runs.map(({ stderr }) => stderr).join(''),
  )
  assert.equal(JSON.parse(sandbox.read(paths.setupResult)).outcome, 'ok')
  const names = readdirSync(sandbox.path(paths.setupState))
  assert.deepEqual(
    names.filter((name) => name.startsWith('.')),
    [],
  )
})

test('a run that preflight ends keeps its result, but never over that of a run at work', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const before = sandbox.read(paths.setupResult)
  const failing = () => sandbox.setup(['--owner', 'nobody-here'])
  {
    using _other = beginWork(new Host(sandbox.root))
    assert.equal((await failing()).code, 4)
    assert.equal(sandbox.read(paths.setupResult), before)
  }
  assert.equal((await failing()).code, 4)
  assert.equal(JSON.parse(sandbox.read(paths.setupResult)).error.code, 'preflight')
})
