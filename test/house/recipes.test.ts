/** The recipes of docs/operations.md that have a name are run as they stand, on a root instead of the machine. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { provisioned, serve, stop } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { programFile } from '../support/programs.ts'
import { recipeOf } from '../support/recipe.ts'
import { keyA, password, Sandbox } from '../support/sandbox.ts'

/** Runs a recipe in a shell where our programs work on the root, and folder /root is one in it. */
function follow(
  sandbox: Sandbox,
  name: string,
  { args = [], hosts = {} }: { args?: readonly string[]; hosts?: Readonly<Record<string, string>> } = {},
): { code: number | null; stdout: string } {
  const folder = sandbox.path('/programs')
  mkdirSync(folder, { recursive: true })
  mkdirSync(sandbox.path('/root'), { recursive: true })
  for (const program of ['frameworkd', 'frameworkd-setup'] as const) {
    const words = `exec ${process.execPath} ${programFile(program)} "$@" --root ${sandbox.root}`
    writeFileSync(`${folder}/${program}`, `#!/bin/sh\n${words}\n`)
    chmodSync(`${folder}/${program}`, 0o755)
  }
  let text = recipeOf(`sh ${name}`).replaceAll(' /root/', ` ${sandbox.root}/root/`)
  // Names that no name server knows; the clients of MySQL have the port from their own file.
  for (const [host, place] of Object.entries(hosts))
    text = text.replaceAll(`--db-host ${host}`, `--db-host ${place}`).replaceAll(`--host ${host}`, '--host 127.0.0.1')
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: sandbox.path('/root') }
  const { status, stdout, stderr } = spawnSync('sh', ['-c', text, 'sh', ...args], { encoding: 'utf8', env })
  return { code: status, stdout: `${stdout}${stderr}` }
}

test('new hardware: the key of the old machine is exported, and is that of the new one', {
  skip: leftOut,
}, async () => {
  await using old = await Sandbox.create('sqlite')
  assert.equal((await old.setup()).code, 0)
  old.write('/root/passphrase', 'correct horse battery staple\n', 0o600)
  const exported = follow(old, 'new-hardware: old')
  assert.equal(exported.code, 0, exported.stdout)
  await using fresh = await Sandbox.create('sqlite')
  for (const name of ['/root/passphrase', '/root/key.age']) fresh.write(name, readFileSync(old.path(name)), 0o600)
  const imported = follow(fresh, 'new-hardware: new')
  assert.equal(imported.code, 0, imported.stdout)
  assert.equal(fresh.keyInFile(), old.keyInFile())
})

test('monitoring: what the plugin and the textfile say of a daemon that does not run, and of one that does', async () => {
  await using sandbox = await provisioned('sqlite')
  sandbox.write('/textfiles/.keep', '')
  const metrics = () => {
    assert.equal(follow(sandbox, 'monitoring: textfile', { args: [sandbox.path('/textfiles')] }).code, 0)
    return [...sandbox.read('/textfiles/frameworkd.prom').matchAll(/^frameworkd_(\w+) (\d)$/gm)].map(([line]) => line)
  }
  assert.match(follow(sandbox, 'monitoring: plugin').stdout, /^CRITICAL: frameworkd: /)
  assert.equal(follow(sandbox, 'monitoring: plugin').code, 2)
  assert.deepEqual(metrics(), ['frameworkd_up 0', 'frameworkd_key_agrees 0'])
  using daemon = await serve(sandbox)
  assert.deepEqual(follow(sandbox, 'monitoring: plugin'), { code: 0, stdout: 'OK: pong\n' })
  assert.deepEqual(metrics(), ['frameworkd_up 1', 'frameworkd_key_agrees 1'])
  await stop(daemon.child)
})

const account = `CREATE USER 'ossim'@'127.0.0.1' IDENTIFIED BY '${password.replaceAll("'", "''")}'`
const grant = "GRANT ALL ON alienvault.* TO 'ossim'@'127.0.0.1'"

/** A server of its own, with OSSIM's account. */
async function server(...statements: readonly string[]): Promise<MariaDb> {
  const started = await startMariaDb()
  for (const statement of [account, grant, ...statements]) await query(started.socket, undefined, statement)
  return started
}

/** A machine with nothing but the password. */
async function machine(): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  sandbox.write('/root/db-password', `${password}\n`, 0o600)
  return sandbox
}

function fingerprintIn(stdout: string): string {
  return /\bkey\W+([0-9a-f]{8})\b/.exec(stdout)?.[1] ?? assert.fail(`no fingerprint: ${stdout}`)
}

test('two nodes of one database: each is set up by its own command, and both have one key', {
  skip: leftOut,
}, async () => {
  await using database = await server('CREATE DATABASE alienvault')
  const hosts = { 'db.example': `127.0.0.1:${database.port}` }
  await using first = await machine()
  await using second = await machine()
  const [one, two] = [follow(first, 'two-nodes: first', { hosts }), follow(second, 'two-nodes: second', { hosts })]
  assert.deepEqual([one.code, two.code], [0, 0], `${one.stdout}${two.stdout}`)
  assert.equal(second.keyInFile(), first.keyInFile())
  assert.equal(fingerprintIn(two.stdout), fingerprintIn(one.stdout))
})

test('moving the database: the daemon is stopped, and file and new server have the old key', {
  skip: leftOut,
}, async () => {
  await using old = await server('CREATE DATABASE alienvault')
  await using fresh = await server(
    "CREATE USER 'dba'@'127.0.0.1' IDENTIFIED BY 'copies'",
    "GRANT ALL ON *.* TO 'dba'@'127.0.0.1'",
  )
  await using node = await machine()
  const made = follow(node, 'two-nodes: first', { hosts: { 'db.example': `127.0.0.1:${old.port}` } })
  assert.equal(made.code, 0, made.stdout)
  const key = node.keyInFile()
  const clients = `[mysqldump]\nsocket=${old.socket}\n[mysql]\nport=${fresh.port}\nuser=dba\npassword=copies\n`
  node.write('/root/.my.cnf', clients, 0o600)
  using daemon = await serve(node)
  const moved = follow(node, 'moving: database', { hosts: { 'db2.example': `127.0.0.1:${fresh.port}` } })
  assert.equal(moved.code, 0, moved.stdout)
  assert.ok(moved.stdout.startsWith(`frameworkd, pid ${daemon.child.pid}, has stopped\n`), moved.stdout)
  assert.equal(node.keyInFile(), key)
  const rows = await query(
    fresh.socket,
    'alienvault',
    "SELECT CAST(value AS CHAR) FROM config WHERE conf = 'encryption_key'",
  )
  assert.deepEqual(rows, [[key]])
  assert.ok(node.read('/etc/ossim/framework/ossim.conf').includes(`ossim_port=${fresh.port}`))
  // A copy that has another key is two databases: nothing is overwritten.
  await query(fresh.socket, 'alienvault', `UPDATE config SET value = '${keyA}' WHERE conf = 'encryption_key'`)
  const other = follow(node, 'two-nodes: second', { hosts: { 'db.example': `127.0.0.1:${fresh.port}` } })
  assert.match(other.stdout, /row encryption_key of table config in alienvault on 127\.0\.0\.1:/)
  assert.equal(node.keyInFile(), key)
})
