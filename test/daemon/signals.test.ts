import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { daemonVerb, processStatus, provisioned, serve, stop, talk } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { ended, start } from '../support/programs.ts'
import { until } from '../support/until.ts'

const log = '/var/log/ossim/frameworkd.log'
const pidfile = '/run/frameworkd/frameworkd.pid'

test('a second SIGINT in the foreground ends at once with 130', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  // A client that asks and does not read holds the end up, once the kernel's buffers are full: some 10 MB.
  const client = connect(daemon.port, '127.0.0.1')
  await new Promise((resolve) => client.once('connect', resolve))
  client
    .on('error', () => {})
    .pause()
    .write('ping\n'.repeat(8_000_000))
  // Held for good: no further line of the client is answered, only our own question.
  const count = async () => JSON.parse(await talk(daemon.port, ['status\n'], 1)).listener.counts
  let before = await count()
  await until(async () => {
    const now = await count()
    const isHeld = now.heldBytes !== 0 && now.commands === before.commands + 1
    before = now
    return isHeld
  })
  daemon.child.kill('SIGINT')
  await until(() => sandbox.read(log).includes('Stopping'))
  assert.equal(await stop(daemon.child, 'SIGINT'), 130)
  client.destroy()
  using next = await serve(sandbox)
  assert.equal(await stop(next.child), 0)
})

test('SIGINT of a detached daemon is like SIGTERM, however often it comes', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const port = String(await freePort())
  const { stdout } = await daemonVerb(sandbox, 'start', ['--port', port])
  const pid = Number(/pid (\d+)/.exec(stdout)?.[1])
  for (let count = 0; count < 20; count += 1) process.kill(pid, 'SIGINT')
  await until(() => sandbox.read(log).includes('Frameworkd has stopped'))
  await until(() => !existsSync(sandbox.path(pidfile)))
})

test('a storm of SIGTERM until the process is gone does not turn the clean end into a death by signal', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  const { child } = daemon
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
  while (child.exitCode === null && child.signalCode === null) {
    for (let count = 0; count < 20; count += 1) child.kill('SIGTERM')
    await new Promise(setImmediate)
  }
  assert.deepEqual(await ended, [0, null])
})

test('storms of SIGHUP, SIGUSR1 and SIGUSR2 are survived while it serves, and the last SIGHUP counts', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  for (let count = 0; count < 200; count += 1) {
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) daemon.child.kill(signal)
    if (count % 50 === 0) assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  }
  await sandbox.setRow('frameworkd_log_dir', '/var/log/ossim/elsewhere')
  daemon.child.kill('SIGHUP')
  await until(() => existsSync(sandbox.path('/var/log/ossim/elsewhere/frameworkd.log')))
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(daemon.child), 0)
})

test('signals to reload or reopen do not end a daemon that is starting, at whatever moment they come', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const port = String(await freePort())
  const child = start('frameworkd', ['run', '--root', sandbox.root, '--port', port])
  const end = ended(child)
  let stderr = ''
  child.stderr?.on('data', (text) => (stderr += text))
  // Before Node runs the first of our lines nothing can be done against them.
  await until(() => catchesHangup(child.pid ?? 0))
  while (!stderr.includes('Listening on')) {
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) child.kill(signal)
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(child.exitCode ?? child.signalCode, null)
  }
  await until(() => stderr.includes('Reloaded'))
  child.kill('SIGTERM')
  assert.equal((await end).code, 0)
})

test('signals to reload do not hold up the end', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  for (let count = 0; count < 20; count += 1) daemon.child.kill('SIGHUP')
  const code = stop(daemon.child)
  for (let count = 0; count < 20; count += 1) daemon.child.kill('SIGHUP')
  assert.equal(await code, 0)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
})

test('SIGTERM while it waits for the database ends it with 0 and leaves nothing', { skip: leftOut }, async () => {
  await using sandbox = await provisioned('mysql')
  const ini = '/etc/frameworkd/frameworkd.ini'
  sandbox.write(ini, `${sandbox.read(ini)}db-host = 127.0.0.1\ndb-port = ${await freePort()}\n`)
  const child = start('frameworkd', ['run', '--root', sandbox.root])
  const end = ended(child)
  await new Promise((resolve) => child.stderr?.once('data', resolve))
  child.kill('SIGTERM')
  const { code, stderr } = await end
  assert.equal(code, 0)
  assert.match(stderr, /^frameworkd: waiting: /)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
})

/** Whether a process catches SIGHUP, as the kernel says: the first bit (proc_pid_status(5)). */
function catchesHangup(pid: number): boolean {
  const caught = processStatus(pid)?.get('SigCgt') ?? '0'
  return (BigInt(`0x${caught}`) & 1n) !== 0n
}
