/** Many machines that set up at once against a cluster whose nodes all take writes: the row is claimed on each of them. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { query } from '../support/mariadb.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyPath, Sandbox } from '../support/sandbox.ts'
import { type GaleraCluster, needsGalera, startCluster } from './support/galera.ts'
import { start } from './support/start.ts'
import { isLong, startTally } from './support/tally.ts'

const machines = 48
const races = Number(process.env.FAULTS_RACES ?? 20)

const tally = startTally('Galera')
const skip = needsGalera.skip || (!isLong && 'it takes minutes: npm run test:faults')
let cluster: GaleraCluster

before(async () => {
  if (skip) return
  cluster = await startCluster(3)
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
