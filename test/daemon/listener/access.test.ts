import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { stop } from '../../support/daemon.ts'
import { leftOut } from '../../support/extent.ts'
import { query } from '../../support/mariadb.ts'
import { PrivateNetwork } from '../../support/network.ts'
import { programFile } from '../../support/programs.ts'
import { Sandbox, type StoreKind, socketOfRun } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

const log = '/var/log/ossim/frameworkd.log'
const port = 40003
const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const [own, sensor, stranger] = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
const [own6, sensor6, stranger6] = ['2001:db8::1', '2001:db8::2', '2001:db8::3']

/** The daemon on every address of a network of its own, with the server's socket as its only way out. */
async function serving(
  kind: StoreKind,
  prepare: (sandbox: Sandbox) => Promise<void>,
  more: Record<string, string> = {},
) {
  const resources = new AsyncDisposableStack()
  const sandbox = resources.use(await Sandbox.create(kind, { socket: true }))
  assert.equal((await sandbox.setup()).code, 0)
  await prepare(sandbox)
  const addresses = [own, sensor, stranger].map((address) => `${address}/32`)
  const network = resources.use(
    await PrivateNetwork.create([...addresses, ...[own6, sensor6, stranger6].map((address) => `${address}/128`)]),
  )
  const program = programFile('frameworkd')
  const [enter, ...args] = network.prefix
  const daemon = ['run', '--root', sandbox.root, '--listen-address', '::', '--port', String(port)]
  // The server's socket is one of this machine, not of the root.
  const env = { ...process.env, ...(kind === 'mysql' && { FRAMEWORKD_DB_SOCKET: socketOfRun() }), ...more }
  const child = spawn(enter, [...args, process.execPath, program, ...daemon], { stdio: 'ignore', env })
  resources.defer(async () => {
    if (child.exitCode === null) assert.equal(await stop(child), 0)
  })
  await until(() => {
    assert.equal(child.exitCode, null)
    try {
      return sandbox.read(log).includes('Listening on')
    } catch {
      return false
    }
  })
  return {
    sandbox,
    child,
    network,
    knock: (from: string, to: string, line = 'ping') => network.knock(from, to, port, line),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** The tables of OSSIM, as far as its query asks. */
async function createSensors(sandbox: Sandbox, addresses: readonly string[]): Promise<void> {
  await sandbox.sql('CREATE TABLE sensor (id BINARY(16) NOT NULL PRIMARY KEY, name VARCHAR(64), ip VARBINARY(16))')
  await sandbox.sql('CREATE TABLE `system` (id BINARY(16) NOT NULL PRIMARY KEY, sensor_id BINARY(16))')
  await sandbox.sql("INSERT INTO sensor VALUES (REPEAT('s', 16), 'without a system', INET6_ATON(?))", [stranger])
  for (const [index, address] of addresses.entries()) await addSensor(sandbox, String(index), address)
}

async function addSensor(sandbox: Sandbox, letter: string, address: string): Promise<void> {
  await sandbox.sql('INSERT INTO sensor VALUES (REPEAT(?, 16), ?, INET6_ATON(?))', [letter, 'a sensor', address])
  await sandbox.sql('INSERT INTO `system` VALUES (REPEAT(?, 16), REPEAT(?, 16))', [letter, letter])
}

test('sensors may ping, but not ask for the status; strangers may do neither', needsRoot, async () => {
  await using daemon = await serving('mysql', (sandbox) => createSensors(sandbox, [sensor, sensor6]))
  await until(async () => (await daemon.knock(sensor, own)) === 'pong\n')
  assert.equal(await daemon.knock(sensor6, own6), 'pong\n')
  assert.equal(await daemon.knock(sensor, own, 'status'), '')
  assert.equal(await daemon.knock(stranger, own), '')
  assert.equal(await daemon.knock(stranger6, own6), '')
  assert.match(await daemon.knock('127.0.0.1', '127.0.0.1', 'status'), /"sensors":2/)
  const text = daemon.sandbox.read(log)
  assert.match(text, /192\.0\.2\.3 may not speak to this daemon/)
  assert.match(text, /2001:db8::3 may not speak to this daemon/)
  assert.match(text, /192\.0\.2\.2 sent an unknown command, closed/)
})

test('a peer with the address that it speaks to is this machine, sensor or not', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  await using daemon = await serving('mysql', async () => {})
  assert.equal(await daemon.knock(stranger, stranger), 'pong\n')
  assert.equal(await daemon.knock(stranger6, stranger6), 'pong\n')
  assert.equal(await daemon.knock(stranger, stranger, 'status'), '')
  assert.equal(await daemon.knock(stranger, own), '')
})

test('without the tables nobody is a sensor, and that is no failure', { skip: leftOut || needsRoot.skip }, async () => {
  for (const kind of ['mysql', 'sqlite'] as const) {
    await using daemon = await serving(kind, async () => {})
    await until(async () => (await daemon.knock('127.0.0.1', '127.0.0.1', 'status')).includes('"sensors":0'))
    assert.equal(await daemon.knock(sensor, own), '')
    assert.doesNotMatch(daemon.sandbox.read(log), /not read/)
  }
})

test('a sensor that is added gets in without a restart', needsRoot, async () => {
  await using daemon = await serving('mysql', (sandbox) => createSensors(sandbox, []))
  assert.equal(await daemon.knock(sensor, own), '')
  await addSensor(daemon.sandbox, 'z', sensor)
  await until(async () => (await daemon.knock(sensor, own)) === 'pong\n')
})

test('a list that cannot be read lets nobody in, is told once, and is read when it can be', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  // A subquery of two rows fails, whatever asks.
  await using daemon = await serving('mysql', async (sandbox) => {
    await createSensors(sandbox, [sensor])
    await sandbox.sql('RENAME TABLE sensor TO sensor_kept')
    await sandbox.sql('CREATE VIEW sensor AS SELECT * FROM sensor_kept WHERE id = (SELECT id FROM sensor_kept)')
  })
  await until(() => daemon.sandbox.read(log).includes('The list of sensors was not read'))
  assert.equal(await daemon.knock(sensor, own), '')
  assert.match(await daemon.knock('127.0.0.1', '127.0.0.1', 'status'), /"sensors":null/)
  await daemon.sandbox.sql('DROP VIEW sensor')
  await daemon.sandbox.sql('RENAME TABLE sensor_kept TO sensor')
  await until(async () => (await daemon.knock(sensor, own)) === 'pong\n')
  assert.equal(daemon.sandbox.read(log).split('The list of sensors was not read').length, 2)
})

test('sensors cause no connection of their own: a thousand lines are none', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  await using daemon = await serving('mysql', (sandbox) => createSensors(sandbox, [sensor]))
  await until(async () => (await daemon.knock(sensor, own)) === 'pong\n')
  // The server is other tests' too: what counts is this account.
  await query(socketOfRun(), undefined, 'SET GLOBAL userstat = 1')
  const before = await connectionsSoFar(daemon.sandbox.database)
  for (let count = 0; count < 10; count += 1)
    assert.match(await daemon.knock(sensor, own, `${'ping\n'.repeat(100)}ping`), /^pong\n/)
  assert.ok((await connectionsSoFar(daemon.sandbox.database)) - before < 8)
})

test('a listener that can no longer be reached ends the daemon, with 1, its log and no pidfile', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  // Only for its interval: it is how often the daemon asks itself.
  await using daemon = await serving('sqlite', async () => {}, { WATCHDOG_USEC: '400000' })
  daemon.network.run('ip', 'link', 'set', 'lo', 'down')
  const [code] = await once(daemon.child, 'exit')
  assert.equal(code, 1)
  assert.match(daemon.sandbox.read(log), /\[ERROR\]: Listener is down\n/)
  assert.throws(() => daemon.sandbox.read('/run/frameworkd/frameworkd.pid'), /ENOENT/)
})

/** @param user the account of a sandbox */
async function connectionsSoFar(user: string): Promise<number> {
  const sql = 'SELECT total_connections FROM information_schema.user_statistics WHERE user = ?'
  const [row] = await query(socketOfRun(), undefined, sql, [user])
  return Number(row?.[0] ?? 0)
}
