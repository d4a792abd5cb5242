import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { byExtent, isLong } from '../support/extent.ts'
import { keyPath } from '../support/sandbox.ts'
import { administer, serverOfFile, testFailingDatabase } from './support/failing-database.ts'
import { type Scene, startingStates } from './support/scene.ts'

const wanted = [
  'file absent, row absent, values none, adopt nothing',
  'file absent, row A, values none, adopt nothing',
  'file A, row B, values none, adopt file',
  'file A, row B, values none, adopt new',
]
const states = startingStates.filter(({ name }) => wanted.includes(name))
testFailingDatabase({ states, command: 'setup', needs: {}, ways: Number.POSITIVE_INFINITY })

/** A connection of the test's own, with the account that setup has. */
async function connectAsAccount({ sandbox: { database, password } }: Scene): Promise<Connection> {
  return createConnection({
    host: '127.0.0.1',
    port: (await serverOfFile()).server.port,
    user: database,
    password,
    database,
  })
}

test('while the table is locked by somebody else, setup waits its ten seconds, ends with 75 and generates nothing', {
  skip: !isLong && 'it takes ten seconds: npm run test:faults',
}, async () => {
  const breakable = await serverOfFile()
  await using scene = await breakable.createScene(states[0] as (typeof states)[number])
  const other = await connectAsAccount(scene)
  await other.query('LOCK TABLES config WRITE')
  const failed = await scene.run()
  await other.end()
  assert.equal(failed.code, 75, failed.stderr)
  assert.throws(() => scene.sandbox.read(keyPath), /ENOENT/)
  assert.equal((await scene.run()).code, 0)
  await scene.assertConverged()
})

test('a server without a free connection is to be tried again later', async () => {
  const breakable = await serverOfFile()
  await using scene = await breakable.createScene(states[0] as (typeof states)[number])
  const held = []
  await administer(breakable.server, 'SET GLOBAL max_connections = 10')
  for (let count = 0; count < 10; count += 1) held.push(await connectAsAccount(scene))
  const failed = await scene.run()
  for (const connection of held) connection.destroy()
  await administer(breakable.server, 'SET GLOBAL max_connections = 300')
  assert.equal(failed.code, 75, failed.stderr)
  assert.match(failed.stderr, /too many connections/)
  assert.throws(() => scene.sandbox.read(keyPath), /ENOENT/)
})

const oddSettings = [
  ['autocommit = 0', 'autocommit = 1'],
  ["init_connect = 'SET NAMES latin1'", "init_connect = ''"],
  ['character_set_server = ucs2', 'character_set_server = latin1'],
  ["sql_mode = 'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'", 'sql_mode = DEFAULT'],
  ["sql_mode = 'ORACLE'", 'sql_mode = DEFAULT'],
  ["tx_isolation = 'SERIALIZABLE'", 'tx_isolation = DEFAULT'],
] as const

for (const [index, [odd, usual]] of oddSettings.entries()) {
  test(`with ${odd} on the server, the key that a run tells of is in the row`, async () => {
    const one = index % states.length
    for (const state of byExtent({ long: states, all: states, sample: states.slice(one, one + 1) })) {
      const breakable = await serverOfFile()
      await using scene = await breakable.createScene(state)
      try {
        await administer(breakable.server, `SET GLOBAL ${odd}`)
        const { code, stderr } = await scene.run()
        assert.equal(code, 0, stderr)
        await scene.assertConverged()
        assert.match((await scene.run()).stdout, /changed=0/)
      } finally {
        await administer(breakable.server, `SET GLOBAL ${usual}`)
      }
    }
  })
}

/** Two bytes a letter are no setting and no UUID; the other two hold the same bytes as latin1. */
for (const [charset, exit] of [
  ['CHARACTER SET utf8mb4', 0],
  ['CHARACTER SET binary', 0],
  ['CHARACTER SET ucs2', 2],
] as const) {
  test(`a table whose values are in ${charset} gives no key that is not the key`, async () => {
    const breakable = await serverOfFile()
    await using scene = await breakable.createScene(states[1] as (typeof states)[number])
    await scene.sandbox.sql(`ALTER TABLE config MODIFY value TEXT ${charset}`)
    const { code, stderr } = await scene.run()
    assert.equal(code, exit, stderr)
    if (code === 0) await scene.assertConverged()
    else assert.throws(() => scene.sandbox.read(keyPath), /ENOENT/)
  })
}
