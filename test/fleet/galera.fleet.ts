/**
 * Many machines that are set up at once against a Galera cluster that breaks meanwhile: by the list of its nodes
 * (`--db-host a,b,c`), and by HAProxy as docs/fleet.md has it. Each has to end with 0 at the first run, with one key.
 *
 * - A node is MariaDB in a network namespace of its own, with two cables: to the clients, and to the other nodes. It is
 *   killed by SIGKILL, and comes back without knowing what it had: it gets the whole data anew. It is cut off by a cable
 *   that is pulled at the other end, so packets vanish and nobody is told.
 * - A machine is a root of its own and a process of the packaged program. All processes are started with nothing
 *   between them, and live side by side; how far they are when something breaks is up to the cores. They have less
 *   priority than the nodes, which would be other machines.
 * - Of three nodes one killed and one cut off leave one, without a quorum: nothing can be committed until all
 *   three are back, since Galera takes up a cluster that fell apart again only when each of its last members is there.
 *   That is the first scene. In the others one node breaks, and the other two go on.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { createConnection } from 'mysql2/promise'
import { isLong } from '../support/extent.ts'
import { type GaleraCluster, type GaleraNode, type NodePlace, startCluster } from '../support/galera.ts'
import { query } from '../support/mariadb.ts'
import { PrivateNetwork } from '../support/network.ts'
import { configTableSql, keyA, keyB, password } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { Bridge, type Cable } from '../system/support/bridge.ts'
import { runFolder } from '../system/support/run-folder.ts'
import { encountersOf, Machines, PackagedPrograms, type SetUp } from './support/machines.ts'

const count = isLong ? 200 : 48
const limit = { timeout: 900_000 }
/** Ours, in the clients' network. */
const ourHost = 99
/** As the configuration in docs/fleet.md has them. */
const [proxyAddress, documentedNodes] = ['127.0.0.1', ['192.0.2.1', '192.0.2.2', '192.0.2.3']]
/** A node that is behind waits for what the others have committed. */
const keySql = "SET STATEMENT wsrep_sync_wait = 1 FOR SELECT value FROM config WHERE conf = 'encryption_key'"

interface Node {
  server: GaleraNode
  cables: { clients: Cable; group: Cable }
}

let resources: AsyncDisposableStack
let programs: PackagedPrograms
let folder: string
let cluster: GaleraCluster
let nodes: [Node, Node, Node]

before(async () => {
  resources = new AsyncDisposableStack()
  programs = resources.use(new PackagedPrograms())
  folder = mkdtempSync(join(runFolder(), 'galera-'))
  resources.defer(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'db-password'), password, { mode: 0o600 })
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  const [clients, group] = [resources.use(new Bridge(8)), resources.use(new Bridge(9))]
  clients.join(ourHost)
  const places: (NodePlace & Pick<Node, 'cables'>)[] = []
  for (const host of [1, 2, 3]) {
    const network = resources.use(await PrivateNetwork.create([]))
    places.push({
      prefix: network.prefix,
      address: { clients: clients.address(host), group: group.address(host) },
      port: 3306,
      cables: { clients: clients.connect(network, host), group: group.connect(network, host) },
    })
  }
  cluster = resources.use(await startCluster(places))
  const [a, b, c] = cluster.nodes.map((server, index) => ({ server, cables: places[index]?.cables })) as typeof nodes
  nodes = [a, b, c]
}, limit)
after(() => resources.disposeAsync(), limit)

/** @returns the name of a new database, and of its account */
async function createDatabase(): Promise<string> {
  const { socket } = nodes[0].server
  const name = `t${Math.random().toString(36).slice(2)}`
  await query(socket, undefined, `CREATE DATABASE ${name}`)
  await query(socket, undefined, `CREATE USER ${name}@'%' IDENTIFIED BY ?`, [password])
  await query(socket, undefined, `GRANT ALL ON ${name}.* TO ${name}@'%'`)
  return name
}

function flagsFor(database: string, hosts: string): string[] {
  const account = ['--db-name', database, '--db-user', database, '--db-password-file', join(folder, 'db-password')]
  return ['--store', 'mysql', '--db-host', hosts, ...account]
}

/** The nodes in every order, so that their load is the same. */
function listOf(index: number): string {
  const [a, b, c] = nodes.map(({ server }) => server.address)
  const orders = [[a, b, c], [b, c, a], [c, a, b], [a, c, b], [b, a, c], [c, b, a]] // biome-ignore format: one line
  return orders[index % orders.length]?.join() ?? ''
}

const keyOn = async ({ server }: Node, database: string): Promise<string> =>
  String((await query(server.socket, database, keySql))[0]?.[0])

const servers = () => nodes.map(({ server }) => server)
const untilAll = (which: readonly GaleraNode[], holds: (node: GaleraNode) => Promise<boolean>) =>
  Promise.all(which.map((node) => until(() => holds(node))))
const isSynced = (node: GaleraNode) => node.isSynced()
const hasQuorum = async (node: GaleraNode) => (await node.status('wsrep_cluster_status')) === 'Primary'
const hasNoQuorum = async (node: GaleraNode) => (await node.status('wsrep_cluster_status')) === 'non-Primary'

/** How many claims have lost against one of another node: each of them got 1213. */
async function lostClaims({ server }: Node): Promise<number> {
  const counts = await Promise.all([server.status('wsrep_local_cert_failures'), server.status('wsrep_local_bf_aborts')])
  return counts.reduce((sum, count) => sum + Number(count), 0)
}

/** Somebody is logged in with that account. */
async function isConnected({ socket }: GaleraNode, database: string): Promise<boolean> {
  return (await query(socket, undefined, 'SHOW PROCESSLIST')).some(([, user]) => user === database)
}

/** What breaks while the machines are at work. */
interface Scene {
  /**
   * Called when all processes are started.
   * @param connected waits until machines are connected to each of these nodes
   */
  breaks(log: Log, machines: Machines, connected: (...which: Node[]) => Promise<unknown>): Promise<void>
  /** Where the machines find the database. */
  hosts(index: number): string
}

/** What happened when, in seconds. */
class Log {
  readonly #begun = performance.now()
  readonly #lines: string[] = []

  note(what: string): void {
    this.#lines.push(`${((performance.now() - this.#begun) / 1000).toFixed(1)} s: ${what}`)
  }

  get text(): string {
    return this.#lines.join(', ')
  }
}

async function play(context: TestContext, { breaks, hosts }: Scene): Promise<void> {
  const database = await createDatabase()
  using machines = new Machines(count)
  // Node 1 forgets what it has counted where it is killed.
  const [, ...counting] = nodes
  const lostBefore = await Promise.all(counting.map(lostClaims))
  const log = new Log()
  const flags = ['--create-schema', '--wait-for-db', '300']
  const ending = machines
    .setUp(programs, (index) => [...flagsFor(database, hosts(index)), ...flags])
    .finally(() => log.note('all ended'))
  log.note('all started')
  await breaks(log, machines, (...which) =>
    untilAll(
      which.map(({ server }) => server),
      (node) => isConnected(node, database),
    ),
  )
  const runs = await ending
  await untilAll(servers(), isSynced)
  const lost = (await Promise.all(counting.map(lostClaims))).map((now, index) => now - (lostBefore[index] ?? 0))
  context.diagnostic(`${count} machines; ${log.text}`)
  context.diagnostic(
    `exit codes: ${countsOf(runs.map(({ code }) => code))}; ${encountersOf(runs)}; 1213 on nodes 2 and 3: ${lost.join(' and ')}`,
  )
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr)
  await assertOneKey(runs, database)
}

async function assertOneKey(runs: readonly SetUp[], database: string): Promise<void> {
  const keys = [...runs.map(({ key }) => key), ...(await Promise.all(nodes.map((node) => keyOn(node, database))))]
  assert.match(String(keys[0]), /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/)
  assert.equal(new Set(keys).size, 1)
}

function countsOf(codes: readonly (number | null)[]): string {
  return [...new Set(codes)].map((code) => `${codes.filter((one) => one === code).length} times ${code}`).join(', ')
}

test(
  'Galera: one node is killed and another cut off, nobody has a quorum until both are back; each machine ends with 0 and one key',
  limit,
  async (context) => {
    const [a, b, c] = nodes
    await play(context, {
      hosts: listOf,
      async breaks(log, machines, connected) {
        // From here on no claim is committed: each waits for node 3.
        c.cables.group.pull()
        log.note('node 3 cut off from the others')
        await connected(a, b)
        await a.server.kill()
        log.note('node 1 killed')
        await untilAll([b.server, c.server], hasNoQuorum)
        assert.ok(machines.running > 0, 'the machines were done before: this shows nothing')
        log.note(`no quorum, ${machines.running} machines at work`)
        c.cables.group.plugIn()
        await untilAll([b.server, c.server], async (node) => (await node.status('wsrep_cluster_size')) === '2')
        log.note('node 3 is with node 2 again')
        await Promise.all([
          untilAll([b.server, c.server], hasQuorum).then(() => log.note('node 1 is started: quorum')),
          a.server.join().then(() => log.note('node 1 has all data again')),
        ])
      },
    })
  },
)

test(
  'Galera: a node is cut off from everybody, machines that talk to it included; each machine ends with 0 and one key',
  limit,
  async (context) => {
    const [a, b, c] = nodes
    await play(context, {
      hosts: listOf,
      async breaks(log, machines, connected) {
        await connected(a, b, c)
        for (const cable of Object.values(c.cables)) cable.pull()
        log.note('node 3 cut off')
        await untilAll([a.server, b.server], async (node) => (await node.status('wsrep_cluster_size')) === '2')
        log.note(`nodes 1 and 2 go on without it, ${machines.running} machines at work`)
        await untilAll([c.server], hasNoQuorum)
        for (const cable of Object.values(c.cables)) cable.plugIn()
        await untilAll([c.server], isSynced)
        log.note(`node 3 is back, ${machines.running} machines at work`)
      },
    })
  },
)

test('HAProxy: a node is killed behind it; each machine ends with 0 and one key', limit, async (context) => {
  await using _proxy = await startProxy()
  const [a] = nodes
  await play(context, {
    hosts: () => proxyAddress,
    async breaks(log, machines, connected) {
      await connected(...nodes)
      await a.server.kill()
      log.note(`node 1 killed, ${machines.running} machines at work`)
      await a.server.join()
      log.note('node 1 is back')
    },
  })
})

test(
  'HAProxy: a node without its cluster is left out, and nobody has to wait because of it',
  limit,
  async (context) => {
    await using proxy = await startProxy()
    const [, , c] = nodes
    const database = await createDatabase()
    c.cables.group.pull()
    await untilAll([c.server], hasNoQuorum)
    // Its own network is whole: it takes connections, and each statement gets 1047.
    await until(async () => (await proxy.inUse()) === 'db1,db2')
    using machines = new Machines(9)
    const runs = await machines.setUp(programs, () => [...flagsFor(database, proxyAddress), '--create-schema'])
    c.cables.group.plugIn()
    await until(async () => (await proxy.inUse()) === 'db1,db2,db3')
    context.diagnostic(`${runs.length} machines; exit codes: ${countsOf(runs.map(({ code }) => code))}`)
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr)
    await assertOneKey(runs, database)
  },
)

/** HAProxy with the configuration of the documentation: nothing of it is changed but the nodes' addresses. */
async function startProxy() {
  const [, documented = ''] = /```haproxy\n([\s\S]*?)```/.exec(readFileSync('docs/fleet.md', 'utf8')) ?? []
  const ours = nodes.map(({ server }) => server.address)
  const config = documentedNodes.reduce((text, node, index) => text.replace(node, ours[index] ?? ''), documented)
  const [file, statsFile, socket] = ['haproxy.cfg', 'stats.cfg', 'haproxy.socket'].map((name) => join(folder, name))
  writeFileSync(file ?? '', config)
  writeFileSync(statsFile ?? '', `global\n    stats socket ${socket} mode 600\n`)
  const [{ server }] = nodes
  await query(server.socket, undefined, `CREATE USER IF NOT EXISTS haproxy@'10.77.8.${ourHost}'`)
  const proxy = spawn('haproxy', ['-db', '-f', file ?? '', '-f', statsFile ?? ''], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin' },
  })
  let said = ''
  proxy.stderr.on('data', (text) => (said += text))
  const ended = new Promise((resolve) => proxy.once('close', resolve))
  const inUse = async () => {
    assert.equal(proxy.exitCode, null, said)
    const stats = await new Promise<string>((resolve, reject) => {
      const connection = connect(socket ?? '').on('error', reject)
      let text = ''
      connection.on('data', (data) => (text += data)).on('end', () => resolve(text))
      connection.write('show stat\n')
    }).catch(() => '')
    // One that has failed one check of two is `UP 1/2`: it still gets connections (HAProxy's management guide, 9.1).
    const lines = stats.split('\n').map((line) => line.split(','))
    return lines
      .filter(([, name, ...rest]) => name?.startsWith('db') && rest[15]?.startsWith('UP'))
      .map(([, name]) => name)
      .join()
  }
  const end = async () => {
    proxy.kill('SIGKILL')
    await ended
  }
  await until(async () => (await inUse()) === 'db1,db2,db3').catch(async (error) => {
    await end()
    throw error
  })
  return { inUse, [Symbol.asyncDispose]: end }
}

/** Stops applying on one node what the others commit, until it is disposed of. */
async function holdBack({ socket }: GaleraNode): Promise<AsyncDisposable & { release(): Promise<void> }> {
  const connection = await createConnection({ socketPath: socket, user: 'root' })
  await connection.query('FLUSH TABLES WITH READ LOCK')
  return {
    release: async () => void (await connection.query('UNLOCK TABLES')),
    [Symbol.asyncDispose]: () => connection.end(),
  }
}

/** Two nodes of which the second is behind: rows that are written by the first one come there when it is released. */
async function holdBackSecond(rows: Readonly<Record<string, string>> = {}) {
  const [{ server: ahead }, second] = nodes
  const behind = second.server
  const database = await createDatabase()
  const write = (conf: string, value: string) =>
    query(ahead.socket, database, 'REPLACE INTO config VALUES (?, ?)', [conf, value])
  await query(ahead.socket, database, configTableSql)
  for (const [conf, value] of Object.entries(rows)) await write(conf, value)
  await query(behind.socket, undefined, 'SET STATEMENT wsrep_sync_wait = 1 FOR SELECT 1')
  const held = await holdBack(behind)
  /** Lets it catch up when the machines have ended, or one of them waits there for that. */
  const release = async (machines: Machines) => {
    await until(async () => machines.running === 0 || (await isWaiting(behind, database)))
    await held.release()
  }
  return { ahead, behind, database, write, release, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
}

test(
  'Galera: setup on a node that is behind waits for the key that the others have, and takes no second one',
  limit,
  async () => {
    await using scene = await holdBackSecond()
    const { ahead, behind, database } = scene
    await scene.write('encryption_key', keyA)
    using machines = new Machines(1)
    const ending = machines.setUp(programs, () => flagsFor(database, `${behind.address},${ahead.address}`))
    await scene.release(machines)
    assert.deepEqual(keysOf(await ending), [keyA])
  },
)

test(
  'Galera: setup on a node that is behind does not take a key that was replaced for a conflict, or for the key',
  limit,
  async () => {
    await using scene = await holdBackSecond({ encryption_key: keyA })
    const { ahead, behind, database } = scene
    await scene.write('encryption_key', keyB)
    using hasKey = new Machines(1)
    assert.deepEqual(keysOf(await hasKey.setUp(programs, () => flagsFor(database, ahead.address))), [keyB])
    using isNew = new Machines(1)
    const endings = [hasKey, isNew].map((machine) => machine.setUp(programs, () => flagsFor(database, behind.address)))
    await scene.release(isNew)
    assert.deepEqual(keysOf((await Promise.all(endings)).flat()), [keyB, keyB])
  },
)

test(
  'Galera: a daemon that starts on a node that is behind waits for what setup has written by another one',
  limit,
  async () => {
    await using scene = await holdBackSecond()
    // So that its settings are old there, too.
    await scene.write('frameworkd_keyfile', '/etc/ossim/framework/another_key')
    using machines = new Machines(1)
    const flags = [...flagsFor(scene.database, scene.ahead.address), '--owner', '0:0']
    for (const run of await machines.setUp(programs, () => flags)) assert.equal(run.code, 0, run.stderr)
    const verifying = machines.verify(programs, 0, scene.behind.address)
    await scene.release(machines)
    const { code, stdout, stderr } = await verifying
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /the same in \/etc\/ossim\/framework\/another_key/)
  },
)

/** The keys of machines, each of which ended with 0. */
function keysOf(runs: readonly SetUp[]): (string | undefined)[] {
  for (const run of runs) assert.equal(run.code, 0, run.stderr)
  return runs.map(({ key }) => key)
}

/** A statement of the account has been at work for so long that it can only be waiting. */
async function isWaiting({ socket }: GaleraNode, database: string): Promise<boolean> {
  const sql = `SELECT 1 FROM information_schema.processlist WHERE user = ? AND command IN ('Query', 'Execute') AND time_ms > 500`
  return (await query(socket, undefined, sql, [database])).length > 0
}
