/** A run that finds nothing to do takes no lock; what that is worth when others are at work. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Host } from '../../../src/host/host.ts'
import { paths } from '../../../src/paths.ts'
import { seeQuiet } from '../../../src/setup/run/quiet.ts'
import { lockForWork } from '../../../src/setup/run/run-mark.ts'
import { ended, start } from '../../support/programs.ts'
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
  test(`${kind}: a run that finds nothing to do leaves the lock untouched, and keeps its result`, async () => {
    await using sandbox = await setUp(kind)
    const touched = () => statSync(sandbox.path(paths.setupLock), { bigint: true }).ctimeNs
    const before = { lock: touched(), result: sandbox.read(paths.setupResult) }
    const { code, stdout } = await sandbox.setup(['--output', 'json'])
    assert.equal(code, 0)
    assert.equal(touched(), before.lock)
    assert.notEqual(sandbox.read(paths.setupResult), before.result)
    assert.deepEqual(JSON.parse(sandbox.read(paths.setupResult)), JSON.parse(stdout))
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

test('what was seen while somebody was at work does not count', async () => {
  await using sandbox = await setUp()
  const host = new Host(sandbox.root)
  const quiet = seeQuiet(host)
  assert.equal(quiet?.lasts(), true)
  {
    using _other = beginWork(host)
    assert.equal(quiet?.lasts(), false)
    assert.equal(seeQuiet(host), undefined)
  }
  assert.equal(quiet?.lasts(), false, 'it has been at work since')
  assert.equal(seeQuiet(host)?.lasts(), true)
})

/** A run that is held up in the middle of its look, by a lock on the table. */
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

test('somebody who begins to work while a run looks makes it busy', async () => {
  await using sandbox = await setUp('mysql')
  const run = await startHeldUp(sandbox)
  using _work = beginWork(new Host(sandbox.root))
  await run.release()
  assert.equal((await run.end).code, 75)
})

test('Ctrl-C ends a run that looks, with 130, and is what status tells of', async () => {
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
  'a result that was not finished': ['/var/lib/frameworkd/setup/.result.json.frameworkd-new-4194304-17', '{'],
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

test('sixteen runs that find nothing to do do not disturb each other', async () => {
  await using sandbox = await setUp()
  const runs = await Promise.all(Array.from({ length: 16 }, () => sandbox.setup()))
  assert.deepEqual(new Set(runs.map(({ code, stderr }) => `${code} ${stderr}`)), new Set(['0 ']))
  assert.equal(JSON.parse(sandbox.read(paths.setupResult)).outcome, 'ok')
  const names = readdirSync(sandbox.path(paths.setupState))
  assert.deepEqual(
    names.filter((name) => name.startsWith('.')),
    [],
  )
})
