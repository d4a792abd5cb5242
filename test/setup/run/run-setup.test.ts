/** One run from lock to result, while others are at work, and after some that were killed. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Host } from '../../../src/host/host.ts'
import { paths } from '../../../src/paths.ts'
import { lockForWork } from '../../../src/setup/run-mark.ts'
import { ended, run as programRun, start } from '../../support/programs.ts'
import { Sandbox, socketOfRun, storeKinds } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

async function setUp(kind: 'sqlite' | 'mysql' = 'sqlite'): Promise<Sandbox> {
  const sandbox = await Sandbox.create(kind)
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  return sandbox
}

/** As a run that has begun its work. */
function beginWork(host: Host): Disposable {
  const lock = lockForWork(host)
  assert.ok(lock)
  return lock
}

for (const kind of storeKinds) {
  test(`${kind}: a run that finds nothing to do keeps its result, and gives the lock back empty`, async () => {
    await using sandbox = await setUp(kind)
    const before = sandbox.read(paths.setupResult)
    const { code, stdout } = await sandbox.setup(['--output', 'json'])
    assert.equal(code, 0)
    assert.notEqual(sandbox.read(paths.setupResult), before)
    assert.deepEqual(JSON.parse(sandbox.read(paths.setupResult)), JSON.parse(stdout))
    assert.equal(sandbox.read(paths.setupLock), '')
    beginWork(new Host(sandbox.root))[Symbol.dispose]()
  })
}

test('while another run is at work, one that would find nothing to do is busy', async () => {
  await using sandbox = await setUp()
  const before = sandbox.read(paths.setupResult)
  using _other = beginWork(new Host(sandbox.root))
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 75)
  assert.match(stderr, /another run of frameworkd-setup is at work here/)
  assert.equal(sandbox.read(paths.setupResult), before)
})

/** A run that is held up in the middle of its plans, by a lock on the table. */
async function startHeldUp(sandbox: Sandbox) {
  const other = await createConnection({
    socketPath: socketOfRun(),
    user: userInfo().username,
    database: sandbox.database,
  })
  await other.query('LOCK TABLES config WRITE')
  const child = start('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...sandbox.flags])
  const waits = 'SELECT 1 FROM information_schema.processlist WHERE db = ? AND state LIKE "Waiting for table%"'
  await until(async () => (await other.query<RowDataPacket[]>(waits, [sandbox.database]))[0].length > 0)
  return { child, end: ended(child), release: () => other.end() }
}

test('a run that only looks holds the lock all the same, and status names it', async () => {
  await using sandbox = await setUp('mysql')
  const run = await startHeldUp(sandbox)
  assert.equal(lockForWork(new Host(sandbox.root)), undefined)
  const status = await programRun('frameworkd-setup', ['status', '--root', sandbox.root, '--output', 'json'])
  assert.equal(status.code, 75)
  assert.equal(JSON.parse(status.stdout).pid, run.child.pid)
  await run.release()
  assert.match((await run.end).stdout, /changed=0/)
})

test('Ctrl-C ends a run that has changed nothing yet, with 130, and is what status tells of', async () => {
  await using sandbox = await setUp('mysql')
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

for (const [what, [path, content]] of Object.entries(left)) {
  test(`${what} that a killed run has left is cleared away by the next one, though nothing else is to do`, async () => {
    await using sandbox = await setUp()
    sandbox.write(path, content)
    assert.match((await sandbox.setup()).stdout, /changed=0/)
    assert.equal(existsSync(sandbox.path(path)) && sandbox.read(path), path === paths.setupLock ? '' : false)
  })
}

test('of sixteen runs at once each ends well or is told that another is at work', async () => {
  await using sandbox = await setUp()
  const runs = await Promise.all(Array.from({ length: 16 }, () => sandbox.setup()))
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

test('a run that preflight ends keeps its result, but never over that of a run at work', async () => {
  await using sandbox = await setUp()
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
