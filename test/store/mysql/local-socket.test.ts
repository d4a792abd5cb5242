/** A root is not left through the socket of the server: who made an image does not choose one of ours. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { Host } from '../../../src/host/host.ts'
import type { SettingName } from '../../../src/settings/definitions.ts'
import { openSocketOf } from '../../../src/store/mysql/local-socket.ts'
import { run } from '../../support/programs.ts'
import { Sandbox, socketOfRun } from '../../support/sandbox.ts'

/** A way to the server of the tests at a path of its own, which counts who came. */
async function listenAt(path: string) {
  mkdirSync(dirname(path), { recursive: true })
  let count = 0
  const server = createServer((client) => {
    count += 1
    const behind = connect(socketOfRun())
    for (const socket of [client, behind]) socket.on('error', () => {})
    client.pipe(behind).pipe(client)
  }).listen(path)
  await once(server, 'listening')
  return {
    count: () => count,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A root whose own settings file names the socket. */
async function rootThatNames(socket: (sandbox: Sandbox) => string): Promise<Sandbox> {
  const sandbox = await Sandbox.create('mysql', { socket: true })
  sandbox.write('/etc/frameworkd/frameworkd.ini', `store = mysql\ndb-socket = ${socket(sandbox)}\n`)
  return sandbox
}

function check(sandbox: Sandbox, args: readonly string[] = []) {
  const account = sandbox.flags.slice(sandbox.flags.indexOf('--db-name'))
  const all = ['check', '--non-interactive', '--root', sandbox.root, ...account, '--tags', 'database', ...args]
  return run('frameworkd-setup', all)
}

test('a socket that a file inside the root names is the one inside the root', async () => {
  await using sandbox = await rootThatNames(() => '/run/db.sock')
  await using inside = await listenAt(sandbox.path('/run/db.sock'))
  const { code, stdout, stderr } = await check(sandbox)
  assert.equal(code, 0, stderr)
  assert.match(stdout, new RegExp(`on ${sandbox.root}/run/db.sock`))
  assert.notEqual(inside.count(), 0)
})

test('a socket outside of the root is connected to only where this run was told so', async () => {
  await using outside = await Sandbox.create('sqlite', { table: false })
  const path = outside.path('/db.sock')
  await using server = await listenAt(path)
  await using sandbox = await rootThatNames(() => path)
  const refused = await check(sandbox)
  assert.equal(refused.code, 75, refused.stderr)
  assert.match(refused.stderr, /there is no socket .*\nhint: /)
  mkdirSync(sandbox.path('/run'))
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store = mysql\ndb-socket = /run/db.sock\n')
  symlinkSync(path, sandbox.path('/run/db.sock'))
  assert.equal((await check(sandbox)).code, 75)
  assert.equal(server.count(), 0)
  const { code, stderr } = await check(sandbox, ['--db-socket', path])
  assert.equal(code, 0, stderr)
  assert.notEqual(server.count(), 0)
})

test('what is no socket inside the root is told as such', async () => {
  await using sandbox = await rootThatNames(() => '/run/db.sock')
  sandbox.write('/run/db.sock', '')
  const { code, stderr } = await check(sandbox)
  assert.equal(code, 1, stderr)
  assert.match(stderr, /\/run\/db.sock is no socket\nhint: /)
})

test('localhost of a file inside the root means a socket inside the root, and else none', async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  const settings = { dbHost: 'localhost', dbPort: 3306, dbSocket: undefined, given: new Set<SettingName>() }
  const find = () => {
    using socket = openSocketOf(settings, new Host(sandbox.root))
    return socket && { path: socket.path, isHeld: socket.at.startsWith('/proc/self/fd/') }
  }
  assert.equal(find(), undefined)
  const path = sandbox.path('/run/mysqld/mysqld.sock')
  await using _server = await listenAt(path)
  assert.deepEqual(find(), { path, isHeld: true })
  // A link that leads out of the root, as seen from outside.
  await using outside = await Sandbox.create('sqlite', { table: false })
  await using _other = await listenAt(outside.path('/db.sock'))
  rmSync(path)
  symlinkSync(outside.path('/db.sock'), path)
  assert.equal(find(), undefined)
})
