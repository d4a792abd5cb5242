import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { byExtent, isLong, sample } from '../support/extent.ts'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { keyPath, type Sandbox } from '../support/sandbox.ts'
import { type Fate, type StatementProxy, startProxy } from './support/proxy.ts'
import { Scene, startingStates } from './support/scene.ts'
import { startTally } from './support/tally.ts'

/** One way for a server to fail when a statement is on its way. */
interface Failure {
  name: string
  fail(server: MariaDb, sandbox: Sandbox): Promise<Fate>
  /** Makes it well again. */
  heal(server: MariaDb, sandbox: Sandbox): Promise<unknown>
  /** The exit code, wherever it strikes; 0 where the run was through with what failed. */
  exits: readonly number[]
  /** It lasts until a time limit of ten seconds. */
  isSlow?: true
}

const nothing = async () => {}
const administer = (server: MariaDb, sql: string) => query(server.socket, undefined, sql)

const failures: readonly Failure[] = [
  { name: 'the request is cut off', fail: async () => 'cut-request', heal: nothing, exits: [75] },
  { name: 'the answer is cut off', fail: async () => 'cut-answer', heal: nothing, exits: [75] },
  {
    name: 'the server is killed',
    fail: (server) => server.kill().then(() => 'pass'),
    heal: (server) => server.restart(),
    exits: [75],
  },
  {
    name: 'the server is killed and started again',
    async fail(server) {
      await server.kill()
      await server.restart()
      return 'pass'
    },
    heal: nothing,
    exits: [75],
  },
  {
    name: 'the server becomes read-only',
    fail: (server) => administer(server, 'SET GLOBAL read_only = 1').then(() => 'pass'),
    heal: (server) => administer(server, 'SET GLOBAL read_only = 0'),
    exits: [0, 75],
  },
  {
    name: 'the rights are revoked',
    fail: (server, { database }) =>
      administer(server, `REVOKE ALL ON ${database}.* FROM ${database}@localhost`).then(() => 'pass'),
    heal: (server, { database }) => administer(server, `GRANT ALL ON ${database}.* TO ${database}@localhost`),
    exits: [0, 2],
  },
  {
    name: 'the server is frozen',
    async fail(server) {
      process.kill(server.pid, 'SIGSTOP')
      return 'pass'
    },
    heal: async (server) => process.kill(server.pid, 'SIGCONT'),
    exits: [75],
    isSlow: true,
  },
]

const wanted = [
  'file absent, row absent, values none, adopt nothing',
  'file absent, row A, values none, adopt nothing',
  'file A, row B, values none, adopt file',
  'file A, row B, values none, adopt new',
]
const states = startingStates.filter(({ name }) => wanted.includes(name))
const tally = startTally('failing database')
let server: MariaDb
let proxy: StatementProxy

before(async () => {
  server = await startMariaDb()
  // Sandboxes of this file live on a server of its own, which can be broken.
  process.env.TEST_MARIADB_SOCKET = server.socket
  process.env.TEST_MARIADB_PORT = String(server.port)
  proxy = await startProxy(server.port)
})

after(async () => {
  await proxy[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

for (const failure of failures) {
  test(`when ${failure.name}, at any statement, setup says so, generates nothing and converges later`, {
    skip: failure.isSlow && !isLong && 'it takes minutes: npm run test:faults',
  }, async () => {
    for (const state of isLong ? (failure.isSlow ? states.slice(-1) : states) : states.slice(-1)) {
      const statements = Array.from({ length: await countStatements(state) }, (_, index) => index + 1)
      for (const number of byExtent({ long: statements, all: sample(statements, 3), sample: sample(statements, 1) })) {
        tally.add('a failure at each statement of setup', 1)
        await failAt(failure, number, state).catch((error: unknown) => {
          throw new Error(`${state.name}, statement ${number}`, { cause: error })
        })
      }
    }
  })
}

function createScene(state: (typeof states)[number]): Promise<Scene> {
  return Scene.create('mysql', state, ['--db-port', String(proxy.port)])
}

/** A connection of the test's own, with the account that setup has. */
function connectAsAccount({ sandbox: { database, password } }: Scene): Promise<Connection> {
  return createConnection({ host: '127.0.0.1', port: server.port, user: database, password, database })
}

async function countStatements(state: (typeof states)[number]): Promise<number> {
  await using scene = await createScene(state)
  let count = 0
  proxy.onStatement = (number) => {
    count = number
    return 'pass'
  }
  assert.equal((await scene.run()).code, 0)
  return count
}

async function failAt(failure: Failure, number: number, state: (typeof states)[number]): Promise<void> {
  await using scene = await createScene(state)
  let striking: Promise<Fate> | undefined
  proxy.onStatement = (at) => {
    if (at !== number) return 'pass'
    striking = failure.fail(server, scene.sandbox)
    return striking
  }
  const failed = await scene.run()
  await striking
  await failure.heal(server, scene.sandbox)
  proxy.onStatement = () => 'pass'
  assert.ok(failure.exits.includes(failed.code ?? -1), `exit ${failed.code}: ${failed.stderr}`)
  if (failed.code !== 0) assert.match(failed.stderr, /\nhint: /)
  await scene.assertRecovers()
}

test('while the table is locked by somebody else, setup waits its ten seconds, ends with 75 and generates nothing', {
  skip: !isLong && 'it takes ten seconds: npm run test:faults',
}, async () => {
  await using scene = await createScene(states[0] as (typeof states)[number])
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
  await using scene = await createScene(states[0] as (typeof states)[number])
  const held = []
  await administer(server, 'SET GLOBAL max_connections = 10')
  for (let count = 0; count < 10; count += 1) held.push(await connectAsAccount(scene))
  const failed = await scene.run()
  for (const connection of held) connection.destroy()
  await administer(server, 'SET GLOBAL max_connections = 300')
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
      await using scene = await createScene(state)
      try {
        await administer(server, `SET GLOBAL ${odd}`)
        const { code, stderr } = await scene.run()
        assert.equal(code, 0, stderr)
        await scene.assertConverged()
        assert.match((await scene.run()).stdout, /changed=0/)
      } finally {
        await administer(server, `SET GLOBAL ${usual}`)
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
    await using scene = await createScene(states[1] as (typeof states)[number])
    await scene.sandbox.sql(`ALTER TABLE config MODIFY value TEXT ${charset}`)
    const { code, stderr } = await scene.run()
    assert.equal(code, exit, stderr)
    if (code === 0) await scene.assertConverged()
    else assert.throws(() => scene.sandbox.read(keyPath), /ENOENT/)
  })
}
