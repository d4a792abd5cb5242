/** Many machines that set up at once against a cluster whose nodes all take writes: the row is claimed on each of them. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aesDecrypt, aesEncrypt } from '../../src/key/aes.ts'
import { isLong } from '../support/extent.ts'
import { type GaleraCluster, needsGalera, placesOnLoopback, startCluster } from '../support/galera.ts'
import { query } from '../support/mariadb.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'
import { start } from './support/start.ts'
import { startTally } from './support/tally.ts'

const machines = 48
const races = Number(process.env.FAULTS_RACES ?? 20)

const tally = startTally('Galera')
const skip = needsGalera.skip || (!isLong && 'it takes minutes: npm run test:faults')
let cluster: GaleraCluster

before(async () => {
  if (skip) return
  cluster = await startCluster(await placesOnLoopback(3))
  process.env.TEST_MARIADB_SOCKET = cluster.nodes[0]?.socket
  process.env.TEST_MARIADB_PORT = String(cluster.nodes[0]?.port)
})
after(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

for (let race = 1; race <= races; race += 1) {
  const makesTable = race % 2 === 0
  const what = makesTable ? 'make the table and claim the row' : 'claim the row'
  test(`race ${race}: ${machines} machines on three nodes ${what} at once, all end well and with one key`, {
    skip,
  }, async () => {
    await using first = await Sandbox.create('mysql', { table: !makesTable })
    const runs = Array.from({ length: machines }, async (_, index) => {
      const root = join(first.root, `machine${index}`)
      mkdirSync(join(root, 'etc'), { recursive: true })
      copyFileSync(first.path('/etc/passwd'), join(root, 'etc/passwd'))
      const node = cluster.nodes[index % cluster.nodes.length]
      const flags = [...first.flags, '--db-port', String(node?.port), ...(makesTable ? ['--create-schema'] : [])]
      const args = ['--non-interactive', '--root', root, '--tags', 'identity', ...flags]
      const { code, stderr } = await ended(start([process.execPath, programFile('frameworkd-setup'), ...args]))
      assert.equal(code, 0, `machine ${index}: ${stderr}`)
      return /^key=(.*)$/m.exec(readFileSync(join(root, keyPath), 'latin1'))?.[1]
    })
    const keys = new Set(await Promise.all(runs))
    for (const { socket } of cluster.nodes) {
      // A node that is behind waits for what the others have committed.
      const sql = "SET STATEMENT wsrep_sync_wait = 1 FOR SELECT value FROM config WHERE conf = 'encryption_key'"
      keys.add(String((await query(socket, first.database, sql))[0]?.[0]))
    }
    assert.equal(keys.size, 1, [...keys].length.toString())
    tally.add('machines on three nodes, at once', machines)
  })
}

test('a rotation on a cluster, beside writers and with a node that is killed, loses no value', { skip }, async () => {
  for (let round = 0; round < 6; round += 1) {
    const lost = cluster.nodes[2]
    // The first rounds have all nodes; in the last one dies in the middle.
    const kills = round === 5
    await using sandbox = await Sandbox.create('mysql')
    sandbox.write(keyPath, keyFileText(keyA), 0o400)
    await sandbox.setRow('encryption_key', keyA)
    for (let index = 0; index < 200; index += 1)
      await sandbox.setRow(`value${index}_pass`, Buffer.from(aesEncrypt(`text ${index}`, keyA) ?? []))
    assert.equal((await sandbox.setup()).code, 0)
    const stop = new AbortController()
    const written = new Map<string, string>()
    const writers = cluster.nodes.slice(0, 2).map(async ({ socket }, node) => {
      for (let count = 0; !stop.signal.aborted; count += 1) {
        const sql = "SELECT value FROM config WHERE conf = 'encryption_key'"
        const [[key] = []] = await query(socket, sandbox.database, sql)
        const text = `written ${count}`
        const value = Buffer.from(aesEncrypt(text, String(key)) ?? [])
        // What is refused (1213) was not written.
        const isWritten = await query(socket, sandbox.database, 'REPLACE INTO config VALUES (?, ?)', [
          `writer${node}_pass`,
          value,
        ]).then(
          () => true,
          () => false,
        )
        if (isWritten) written.set(`writer${node}_pass`, text)
        await sleep(20)
      }
    })
    const args = ['key', 'rotate', '--yes', '--no-backup', '--no-second-look', '--non-interactive']
    const flags = ['--root', sandbox.root, ...sandbox.flags, '--db-port', String(cluster.nodes[1]?.port)]
    const rotating = ended(start([process.execPath, programFile('frameworkd-setup'), ...args, ...flags]))
    if (kills) {
      await sleep(150)
      await lost?.kill()
    }
    const { code, stderr } = await rotating
    tally.add(`rotations on a cluster${kills ? ' that loses a node' : ' beside writers'}`, 1)
    assert.ok([0, 75].includes(code ?? -1), stderr)
    stop.abort()
    await Promise.all(writers)
    const converged = await sandbox.setup()
    assert.equal(converged.code, 0, converged.stderr)
    const key = String(await sandbox.keyInRow())
    assert.equal(sandbox.keyInFile(), key)
    const expected = new Map(written)
    for (let index = 0; index < 200; index += 1) expected.set(`value${index}_pass`, `text ${index}`)
    for (const [name, hex] of await sandbox.sql(
      "SELECT conf, HEX(value) FROM config WHERE conf LIKE '%!_pass' ESCAPE '!'",
    )) {
      const text = aesDecrypt(Buffer.from(String(hex), 'hex'), key)
      assert.equal(text && Buffer.from(text).toString(), expected.get(String(name)), String(name))
    }
  }
})
