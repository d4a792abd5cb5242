import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { byExtent } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, storeKinds } from '../support/sandbox.ts'
import { keyIn, makeMachines, setup } from './support/machines.ts'
import { start } from './support/start.ts'
import { startTally } from './support/tally.ts'

const machines = byExtent({ long: 200, all: 16, sample: 8 })
const runsOnOneMachine = byExtent({ long: 32, all: 8, sample: 6 })
const duels = byExtent({ long: 40, all: 3, sample: 1 })

const tally = startTally('races')

test(`${machines} machines that set up against one database at once end with one key`, async () => {
  await using first = await Sandbox.create('mysql', { table: false })
  const roots = makeMachines(first, machines)
  const runs = roots.map((root) => setup(root, ...first.flags, '--create-schema'))
  for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr)
  const keys = new Set([await first.keyInRow(), ...roots.map(keyIn)])
  assert.equal(keys.size, 1)
  tally.add('machines with one database, at once', machines)
})

for (const kind of storeKinds) {
  test(`${kind}: of ${runsOnOneMachine} runs on one machine, one works and the others find it done or say busy`, async () => {
    await using sandbox = await Sandbox.create(kind, { table: false })
    const runs = Array.from({ length: runsOnOneMachine }, () =>
      setup(sandbox.root, ...sandbox.flags, '--create-schema'),
    )
    const results = await Promise.all(runs)
    for (const { code, stdout, stderr } of results) {
      if (code === 75) assert.match(stderr, /another run of frameworkd-setup is at work here\nhint: /)
      else assert.equal(code, 0, stderr + stdout)
    }
    assert.equal(results.filter(({ stdout }) => /changed +encryption-key/.test(stdout)).length, 1)
    assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
    tally.add(`runs on one machine, at once, ${kind}`, runsOnOneMachine)
  })

  test(`${kind}: a daemon that starts beside setup serves, or says that the key is not in place yet`, async () => {
    await using sandbox = await Sandbox.create(kind)
    for (let round = 0; round < duels; round += 1) {
      rmSync(sandbox.path(keyPath), { force: true })
      const daemon = start([
        process.execPath,
        programFile('frameworkd'),
        'run',
        '--root',
        sandbox.root,
        '--port',
        String(await freePort()),
      ])
      // It is stopped once it serves; one that refuses ends by itself.
      daemon.stderr?.on('data', (text) => /Listening on/.test(String(text)) && daemon.kill('SIGTERM'))
      const [served, done] = await Promise.all([ended(daemon), setup(sandbox.root, ...sandbox.flags)])
      assert.equal(done.code, 0, done.stderr)
      assert.ok(served.code === 0 || served.code === 3 || served.code === 2, served.stderr)
      if (served.code !== 0) assert.match(served.stderr, /hint: /)
    }
    assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
    tally.add(`setup beside a starting daemon, ${kind}`, duels)
  })

  test(`${kind}: two adoptions in opposite directions on one machine keep one key, and both somewhere`, async () => {
    for (let round = 0; round < duels; round += 1) {
      await using sandbox = await Sandbox.create(kind)
      sandbox.write(keyPath, keyFileText(keyA), 0o400)
      await sandbox.setRow('encryption_key', keyB)
      const results = await Promise.all(
        ['file', 'database'].map((side) => setup(sandbox.root, ...sandbox.flags, '--adopt', side)),
      )
      for (const { code, stderr } of results) assert.ok(code === 0 || code === 75, stderr)
      assert.ok(results.some(({ code }) => code === 0))
      assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
      assertKept(sandbox, [keyA, keyB])
    }
    tally.add(`--adopt file against --adopt database, ${kind}`, duels)
  })
}

test('two machines that adopt in opposite directions lose neither key, and whoever lost says why', async () => {
  for (let round = 0; round < duels; round += 1) {
    await using sandbox = await Sandbox.create('mysql')
    await using other = await Sandbox.create('sqlite')
    for (const { write } of [sandbox, other].map((one) => ({ write: one.write.bind(one) }))) {
      write(keyPath, keyFileText(keyA), 0o400)
    }
    await sandbox.setRow('encryption_key', keyB)
    const [file, database] = await Promise.all([
      setup(sandbox.root, ...sandbox.flags, '--adopt', 'file'),
      setup(other.root, ...sandbox.flags, '--adopt', 'database'),
    ])
    for (const { code, stderr } of [file, database]) {
      assert.ok(code === 0 || code === 3 || code === 75, stderr)
      if (code !== 0) assert.match(stderr, /hint: /)
    }
    assert.equal(await sandbox.keyInRow(), keyA)
    assert.equal(sandbox.keyInFile(), keyA)
    assertKept(sandbox, [keyA, keyB])
    // The other machine agrees after one more run, or holds what it took and is told of the conflict.
    assert.ok([0, 3].includes((await setup(other.root, ...sandbox.flags)).code ?? -1))
  }
  tally.add('adoptions on two machines', duels)
})

function assertKept(sandbox: Sandbox, keys: readonly string[]): void {
  const texts = [keyPath, ...sandbox.keptAside().map((name) => `/etc/ossim/framework/${name}`)].map((path) =>
    sandbox.read(path),
  )
  for (const key of keys)
    assert.ok(
      texts.some((text) => text.includes(key)),
      'a key is lost',
    )
}
