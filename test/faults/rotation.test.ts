/**
 * A rotation that is killed, or whose calls fail, or beside which others write: at every moment each value is
 * readable with the key of the row, and no key that a value needs is gone; one more run makes it right.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'
import { byExtent, sample } from '../support/extent.ts'
import { query } from '../support/mariadb.ts'
import { type Ended, ended } from '../support/programs.ts'
import { type StoreKind, socketOfRun, storeKinds } from '../support/sandbox.ts'
import { noDevice, onDevice } from './support/device.ts'
import { type Fate, startProxy } from './support/proxy.ts'
import { encrypt, RotationScene } from './support/rotation-scene.ts'
import { start } from './support/start.ts'
import { type Call, needsStrace, runWith, traceCalls, traceFileCalls } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally('rotation')
async function callsOf(kind: StoreKind, trace: typeof traceCalls): Promise<Call[]> {
  await using scene = await RotationScene.create(kind)
  return await trace(scene.command, scene.sandbox.root)
}

async function tryAll(calls: readonly Call[], attempt: (call: Call, index: number) => Promise<void>): Promise<void> {
  const problems: string[] = []
  for (const [index, call] of calls.entries())
    await attempt(call, index).catch((error: unknown) => problems.push(`at ${call.line}: ${messageOf(error)}`))
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

for (const kind of storeKinds) {
  test(`${kind}: killed anywhere, a rotation is not begun, or finished by the next run`, needsStrace, async () => {
    const calls = await callsOf(kind, traceCalls)
    await tryAll(byExtent({ long: calls, all: sample(calls, 6), sample: sample(calls, 2) }), async (call, index) => {
      await using scene = await RotationScene.create(kind)
      await runWith(scene.command, call, 'signal=SIGKILL')
      tally.add(`SIGKILL at system calls of a rotation, ${kind}`, 1)
      await scene.assertConverges(index % 2 === 0 ? 'apply' : 'key rotate')
    })
  })

  test(`${kind}: when a system call fails, a rotation says so and loses nothing`, needsStrace, async () => {
    const calls = sample(await callsOf(kind, traceFileCalls), byExtent({ long: 90, all: 4, sample: 2 }))
    const codes = ['EIO', 'ENOSPC', 'EROFS', 'EACCES', 'EMFILE']
    await tryAll(calls, async (call, index) => {
      await using scene = await RotationScene.create(kind)
      const failed = await runWith(scene.command, call, `error=${codes[index % codes.length]}`)
      tally.add(`failing file work of a rotation, ${kind}`, 1)
      if (failed.code !== 0 && failed.code !== null) assert.match(failed.stderr, /\nhint: /)
      await scene.assertConverges('apply')
    })
  })

  test(`${kind}: a power cut before any sync of a rotation loses no key, and one more run converges`, {
    skip: needsStrace.skip || noDevice,
  }, async () => {
    const syncs = (await callsOf(kind, traceCalls)).filter(({ name }) => name === 'fsync' || name === 'fdatasync')
    await tryAll(sample(syncs, byExtent({ sample: 1, all: 3, long: syncs.length })), (call) =>
      onDevice(async (device) => {
        await using scene = await RotationScene.create(kind)
        device.sync()
        await runWith(scene.command, call, 'signal=SIGKILL')
        device.cutPower()
        tally.add(`power cuts before a sync of a rotation, ${kind}`, 1)
        await scene.assertConverges('apply')
      }),
    )
  })

  test(`${kind}: of rotations that begin at once, on machines of one store or on one machine, none loses a value`, async () => {
    for (let round = 0; round < byExtent({ long: 8, all: 1, sample: 1 }); round += 1) {
      await using scene = await RotationScene.create(kind)
      const runs = await Promise.all(Array.from({ length: 4 }, () => ended(start(scene.command))))
      tally.add(`rotations at once, ${kind}`, runs.length)
      assert.ok(
        runs.some(({ code }) => code === 0),
        runs.map(({ stderr }) => stderr).join(''),
      )
      for (const { code, stderr } of runs) assert.ok([0, 3, 75].includes(code ?? -1), stderr)
      await scene.assertConverges('apply')
    }
  })
}

test('when the connection is cut at any statement, a rotation is not begun, or finished by the next run', async () => {
  await using proxy = await startProxy(Number(process.env.TEST_MARIADB_PORT))
  /** @returns how many statements were sent */
  const runThrough = async (scene: RotationScene, fate: (number: number) => Fate): Promise<number> => {
    let count = 0
    proxy.onStatement = (number) => {
      count = number
      return fate(number)
    }
    const { code, stderr } = await ended(start([...scene.command, '--db-port', String(proxy.port)]))
    assert.ok([0, 75].includes(code ?? -1), `${code}: ${stderr}`)
    return count
  }
  let statements: number
  {
    await using scene = await RotationScene.create('mysql')
    statements = await runThrough(scene, () => 'pass')
  }
  const numbers = Array.from({ length: statements }, (_, index) => index + 1)
  for (const number of sample(numbers, byExtent({ sample: 3, all: 6, long: statements }))) {
    for (const fate of ['cut-request', 'cut-answer'] as const) {
      await using scene = await RotationScene.create('mysql')
      await runThrough(scene, (one) => (one === number ? fate : 'pass'))
      tally.add('statements of a rotation that are cut, or whose answer is', 1)
      await scene.assertConverges(number % 2 === 0 ? 'apply' : 'key rotate').catch((error: unknown) => {
        throw new Error(`${fate} at statement ${number} of ${statements}`, { cause: error })
      })
    }
  }
})

test('beside writers that read the key, wait and write, no value is lost, and the next apply leaves none under the old key', async () => {
  await using scene = await RotationScene.create('mysql')
  const { sandbox } = scene
  const stop = new AbortController()
  const written = new Map<string, string>()
  const writers = Array.from({ length: 16 }, async (_, index) => {
    for (let count = 0; !stop.signal.aborted; count += 1) {
      const name = `writer${index}_pass`
      const [[key] = []] = await query(
        socketOfRun(),
        sandbox.database,
        "SELECT value FROM config WHERE conf = 'encryption_key'",
      )
      await sleep(Math.random() * 50)
      const text = `${name} ${count}`
      await sandbox.setRow(name, encrypt(text, String(key)))
      written.set(name, text)
    }
  })
  const ends: Ended[] = []
  for (let count = 0; count < byExtent({ long: 12, all: 3, sample: 2 }); count += 1) {
    await sleep(200)
    ends.push(await ended(start(scene.command)))
  }
  stop.abort()
  await Promise.all(writers)
  tally.add('rotations beside 16 writers', ends.length)
  for (const { code, stderr } of ends) assert.ok([0, 75].includes(code ?? -1), stderr)
  assert.ok(ends.some(({ code }) => code === 0))
  assert.equal((await sandbox.setup()).code, 0)
  const key = await scene.keyInRow()
  for (const [name, text] of written) assert.equal(await scene.read(name, key), text)
  await scene.assertReadable()
})
