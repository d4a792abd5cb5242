/** `--db-host a,b,c`: in order, the first that takes writes, from the flags to the daemon. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { Key } from '../../../src/key/key.ts'
import { requireNoKeyElsewhere } from '../../../src/keycheck/other-servers.ts'
import { openConnection } from '../../../src/store/mysql/mysql.ts'
import { openFirstThatTakesWrites } from '../../../src/store/mysql/several-servers.ts'
import { Secret } from '../../../src/text/secret.ts'
import { daemonVerb, serve, stop } from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { freePort, type MariaDb, query, startMariaDb } from '../../support/mariadb.ts'
import { run } from '../../support/programs.ts'
import { configTableSql, keyA, keyB, keyFileText, keyPath, password, Sandbox } from '../../support/sandbox.ts'

/** One that takes writes, and one that does not. */
let server: MariaDb
let replica: MariaDb

before(async () => {
  ;[server, replica] = await Promise.all([startMariaDb(), startMariaDb()])
})
after(async () => {
  await Promise.all([server, replica].map((one) => one?.[Symbol.asyncDispose]()))
})

const at = (...ports: (number | string)[]) => ['--db-host', ports.map((port) => `127.0.0.1:${port}`).join(',')]

/** On both servers. The replica's is read-only while the test runs. */
async function createSandbox(isReadOnly = true): Promise<Sandbox> {
  const sandbox = await Sandbox.create('mysql', { server })
  const { database } = sandbox
  const order = (sql: string, parameters: string[] = [], on?: string) => query(replica.socket, on, sql, parameters)
  await order('SET GLOBAL read_only = 0')
  await order(`CREATE DATABASE ${database}`)
  await order(`CREATE USER ${database}@localhost IDENTIFIED BY ?`, [password])
  await order(`GRANT ALL ON ${database}.* TO ${database}@localhost`)
  await order(configTableSql, [], database)
  await order(`SET GLOBAL read_only = ${isReadOnly ? 1 : 0}`)
  return sandbox
}

const rowsOnReplica = async ({ database }: Sandbox) =>
  (await query(replica.socket, database, 'SELECT COUNT(*) FROM config'))[0]?.[0]

test('setup takes the first that takes writes, says whom it passed over, and keeps the list for the daemon', async () => {
  await using sandbox = await createSandbox()
  const [closed, port] = [await freePort(), server.port]
  const { code, stdout, stderr } = await sandbox.setup([...at(closed, replica.port, port), '--output', 'json'])
  assert.equal(code, 0, stderr)
  const { warnings } = JSON.parse(stdout)
  const place = (at: number) => `passed over: database ${sandbox.database} on 127.0.0.1:${at}: `
  assert.deepEqual(warnings.slice(0, 2), [
    `${place(closed)}nothing listens there (connection refused)`,
    `${place(replica.port)}it is read-only`,
  ])
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
  assert.equal(await rowsOnReplica(sandbox), 0)

  // OSSIM's other programs know one server.
  assert.match(
    sandbox.read('/etc/ossim/framework/ossim.conf'),
    new RegExp(`^ossim_host=127.0.0.1\nossim_port=${closed}$`, 'm'),
  )
  const list = [closed, replica.port, port].map((one) => `127.0.0.1:${one}`).join(',')
  assert.match(sandbox.read('/etc/frameworkd/frameworkd.ini'), new RegExp(`^db-host=${list}$`, 'm'))
  const again = await sandboxSetup(sandbox, '-v')
  assert.match(again.stdout, /changed=0/)
  assert.match(again.stderr, new RegExp(`db-host = ${list}  \\(/etc/frameworkd/frameworkd.ini: db-host\\)`))
  using daemon = await serve(sandbox)
  assert.equal(await stop(daemon.child), 0)
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /WARNING\]: passed over: .*: it is read-only/)
})

/** With the settings that were kept. */
function sandboxSetup(sandbox: Sandbox, ...args: string[]) {
  return run('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...args])
}

test('another server that is given later counts from then on', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  assert.equal((await sandbox.setup(at(await freePort(), server.port))).code, 0)
  const { code } = await sandboxSetup(sandbox, '--db-host', '127.0.0.1', '--db-port', String(server.port))
  assert.equal(code, 0)
  const { stdout, stderr } = await sandboxSetup(sandbox)
  assert.match(stdout, /changed=0/)
  assert.doesNotMatch(stdout + stderr, /passed over/)
})

test('a port of its own is kept where OSSIM looks, and db-port is for those without', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  assert.equal((await sandbox.setup(at(server.port))).code, 0)
  assert.match(sandbox.read('/etc/ossim/framework/ossim.conf'), new RegExp(`^ossim_port=${server.port}$`, 'm'))
  assert.equal(
    existsSync(sandbox.path('/etc/frameworkd/frameworkd.ini')) &&
      /db-/.test(sandbox.read('/etc/frameworkd/frameworkd.ini')),
    false,
  )
  assert.match((await sandboxSetup(sandbox)).stdout, /changed=0/)
})

test('another host does not get the port of the one before, in this run and the next ones', {
  skip: leftOut,
}, async () => {
  await using sandbox = await createSandbox()
  assert.equal((await sandbox.setup(at(server.port))).code, 0)
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'db-host=a.invalid,b.invalid\ndb-port=3307\nstore=mysql\n')
  assert.equal((await sandboxSetup(sandbox, ...at(server.port))).code, 0)
  assert.match(sandbox.read('/etc/frameworkd/frameworkd.ini'), /^db-port=3306$/m)
  const { stdout, stderr } = await sandboxSetup(sandbox, '--check', '--db-host', 'localhost.invalid')
  assert.match(stdout + stderr, /on localhost.invalid:3306: the name/)
})

test('a refused password ends the list', async () => {
  await using sandbox = await createSandbox()
  await query(replica.socket, undefined, `DROP USER ${sandbox.database}@localhost`)
  const { code, stderr } = await sandbox.setup(at(replica.port, server.port))
  assert.equal(code, 2)
  assert.match(stderr, new RegExp(`on 127.0.0.1:${replica.port}: it refuses the account or its password`))
  assert.equal(await sandbox.keyInRow(), undefined)
})

test('a machine that accepts connections and sends nothing is left for the next one', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => silent.once('listening', listening))
  const { port } = silent.address() as { port: number }
  const { code, stdout, stderr } = await sandbox.setup(at(port, server.port))
  silent.close()
  assert.equal(code, 0, stderr)
  assert.match(stdout, new RegExp(`warning: passed over: .*:${port}: no answer in time \\(timeout\\)`))
})

test('where none takes writes setup ends with 75, and the daemon serves from one that can be read', {
  skip: leftOut,
}, async () => {
  await using sandbox = await createSandbox(false)
  assert.equal((await sandbox.setup(at(replica.port))).code, 0)
  await query(replica.socket, undefined, 'SET GLOBAL read_only = 1')
  const list = at(await freePort(), replica.port)
  const { code, stderr } = await sandbox.setup([...list, '--wait-for-db', '1'])
  assert.equal(code, 75)
  // Whoever was passed over may be the one to bring back.
  assert.match(stderr, /none of 2 database servers takes writes:\n.*nothing listens there.*\n.*it is read-only\nhint: /)
  assert.match(stderr, /it is read-only; trying again, 1 s left\n/)
  sandbox.write('/etc/frameworkd/frameworkd.ini', `store=mysql\ndb-host=${list[1]}\n`)
  const verified = await daemonVerb(sandbox, 'verify')
  assert.equal(verified.code, 0, verified.stderr)
})

test('where none answers each is named, and no key is made', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  const { code, stderr } = await sandbox.setup(at(await freePort(), await freePort()))
  assert.equal(code, 75)
  assert.match(
    stderr,
    /none of 2 database servers can be used:\n {2}database .*\n {2}database .*\nhint: .*--wait-for-db/,
  )
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})

/** Puts a key into the row of the server that does not take writes. */
async function setRowOnReplica({ database }: Sandbox, key: string): Promise<void> {
  await query(replica.socket, undefined, 'SET GLOBAL read_only = 0')
  await query(replica.socket, database, `INSERT INTO config VALUES ('encryption_key', ?)`, [key])
  await query(replica.socket, undefined, 'SET GLOBAL read_only = 1')
}

for (const mode of someOf(['apply', 'check'], 1))
  test(`${mode}: where another server of the list holds a key, none is made`, async () => {
    await using sandbox = await createSandbox()
    await setRowOnReplica(sandbox, keyA)
    const list = at(server.port, replica.port)
    const { code, stderr } = await sandbox.setup([...list, ...(mode === 'check' ? ['--check'] : [])])
    assert.equal(code, 3)
    const place = (port: number) => `${sandbox.database} on 127.0.0.1:${port}`
    assert.match(
      stderr,
      new RegExp(`empty in ${place(server.port)}, and holds key \\w+ in ${place(replica.port)}\nhint: `),
    )
    assert.equal(await sandbox.keyInRow(), undefined)
    assert.equal(existsSync(sandbox.path(keyPath)), false)
  })

test('the key of the file goes into an empty row where the other server holds it too, and not where it holds another', {
  skip: leftOut,
}, async () => {
  for (const [there, code] of [
    [keyA, 0],
    [keyB, 3],
  ] as const) {
    await using sandbox = await createSandbox()
    await setRowOnReplica(sandbox, there)
    sandbox.write(keyPath, keyFileText(keyA), 0o400)
    assert.equal((await sandbox.setup(at(server.port, replica.port))).code, code)
    assert.equal(await sandbox.keyInRow(), code === 0 ? keyA : undefined)
  }
})

test('two names of one database are no conflict', async () => {
  await using sandbox = await createSandbox()
  // Both names are one server.
  const both = ['--db-host', `127.0.0.1:${server.port},localhost:${server.port}`, '--db-ssl-mode', 'disabled']
  const { code, stderr } = await sandbox.setup(both)
  assert.equal(code, 0, stderr)
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
})

test('a server that is there but not ready holds up no first key', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  const { database } = sandbox
  const address = { host: '127.0.0.1', port: server.port, database, user: database, password: new Secret(password) }
  const open = () => openConnection(address, { signal: new AbortController().signal })
  /** A stand-in of a Galera node without its cluster: it takes the login, and no statement (1047). */
  const openUnready = async () => {
    const connection = await open()
    connection.query = () => Promise.reject(new KnownError('database-unreachable', 'it is not ready', 'wait for it'))
    return connection
  }
  await using store = await openFirstThatTakesWrites([open, openUnready])
  await requireNoKeyElsewhere(store, undefined)
  const key = Key.find(keyB)
  assert.ok(key)
  assert.equal(String(await store.claimRow(key)), keyB)
})

test('servers of one database are no conflict while another machine claims its row', { skip: leftOut }, async () => {
  await using sandbox = await createSandbox()
  const { database } = sandbox
  const address = { host: '127.0.0.1', port: server.port, database, user: database, password: new Secret(password) }
  const open = () => openConnection(address, { signal: new AbortController().signal })
  await using store = await openFirstThatTakesWrites([open, () => open()])
  assert.equal((await store.rows()).has('encryption_key'), false)
  await sandbox.setRow('encryption_key', keyA)
  await requireNoKeyElsewhere(store, undefined)
  const key = Key.find(keyB)
  assert.ok(key)
  assert.equal(String(await store.claimRow(key)), keyA)
})
