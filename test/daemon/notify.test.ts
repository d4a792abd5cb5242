import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { daemonVerb, provisioned, talk } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { openNotifyReceiver } from '../support/notify.ts'
import { ended, start } from '../support/programs.ts'
import { keyB, Sandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'

/** Runs a daemon that is asked to notify, until the test is over. */
async function serveNotifying(sandbox: Sandbox, address: string, env: Record<string, string> = {}) {
  const port = await freePort()
  const child = start('frameworkd', ['run', '--root', sandbox.root, '--port', String(port)], {
    NOTIFY_SOCKET: address,
    ...env,
  })
  return { child, port, end: ended(child), [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

test('systemd hears of the start, of readiness when it serves, of a reload and of the end', async () => {
  await using sandbox = await provisioned()
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address)
  const ready = await systemd.heard(/^READY=1$/)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  const before = process.hrtime.bigint() / 1000n
  daemon.child.kill('SIGHUP')
  const reloaded = await systemd.heard(/^READY=1$/, ready)
  daemon.child.kill('SIGTERM')
  await systemd.heard(/^STOPPING=1$/, reloaded)
  assert.equal((await daemon.end).code, 0)
  for (const message of systemd.messages) assert.equal(message[0], `MAINPID=${daemon.child.pid}`)
  const words = systemd.messages.map((message) => message.slice(1).map((word) => word.replace(/=.*/, '')))
  assert.deepEqual(words, [
    ['STATUS', 'EXTEND_TIMEOUT_USEC'],
    ['READY', 'STATUS'],
    ['RELOADING', 'MONOTONIC_USEC'],
    ['READY', 'STATUS'],
    ['STOPPING', 'STATUS'],
  ])
  assert.ok(systemd.messages[1]?.includes(`STATUS=Listening on 127.0.0.1 port ${daemon.port}`))
  const told = BigInt(systemd.messages[2]?.[2]?.replace('MONOTONIC_USEC=', '') ?? 0)
  const after = process.hrtime.bigint() / 1000n
  assert.ok(before < told && told < after, `${before} < ${told} < ${after}`)
})

test('a systemd that looks up the sender late still hears of the start, of readiness, of the watchdog and of a reload', {
  // Root's systemd-notify may send in the name of another process; that of www-data may not.
  skip: (process.getuid?.() !== 0 && 'needs root') || (!isBuiltin('node:ffi') && 'systemd-notify sends here'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  await using systemd = await openNotifyReceiver('late')
  chmodSync(sandbox.root, 0o755)
  writeFileSync(sandbox.path('/etc/passwd'), 'www-data:x:33:33::/:/bin/sh\n')
  assert.equal((await sandbox.setup()).code, 0)
  using daemon = await serveNotifying(sandbox, systemd.address, { WATCHDOG_USEC: '2000000' })
  const started = await systemd.heard(/^STATUS=/)
  const ready = await systemd.heard(/^READY=1$/, started)
  const fed = await systemd.heard(/^WATCHDOG=1$/, ready)
  daemon.child.kill('SIGHUP')
  await systemd.heard(/^RELOADING=1$/, fed)
})

test('a reload that is refused is told as status, and systemd is told that it is over', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address)
  const ready = await systemd.heard(/^READY=1$/)
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store = paper\n')
  daemon.child.kill('SIGHUP')
  const refused = await systemd.heard(/^STATUS=Not reloaded: .*"paper"/, ready)
  assert.ok(systemd.messages[refused - 1]?.includes('READY=1'))
})

test('while the database does not answer systemd hears what is waited for and is asked for time, and never of readiness', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned('mysql')
  const ini = sandbox.read('/etc/frameworkd/frameworkd.ini')
  const nobody = await freePort()
  sandbox.write('/etc/frameworkd/frameworkd.ini', `${ini}db-host = 127.0.0.1\ndb-port = ${nobody}\n`)
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address)
  const first = await systemd.heard(/^STATUS=Waiting: .*127\.0\.0\.1/)
  const second = await systemd.heard(/^EXTEND_TIMEOUT_USEC=\d+$/, first)
  daemon.child.kill('SIGTERM')
  assert.equal((await daemon.end).code, 0)
  assert.ok(second > first)
  assert.equal(
    systemd.messages.flat().some((assignment) => assignment.startsWith('READY')),
    false,
  )
})

test('a start that fails never tells of readiness', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await sandbox.setRow('encryption_key', keyB)
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address)
  assert.equal((await daemon.end).code, 3)
  assert.equal(systemd.messages.flat().includes('READY=1'), false)
})

test('a service that is asked to notify and cannot ends with 1 and says why', async () => {
  await using sandbox = await provisioned()
  using daemon = await serveNotifying(sandbox, join(sandbox.root, 'nobody-listens'))
  const { code, stderr } = await daemon.end
  assert.equal(code, 1)
  assert.match(stderr, /NOTIFY_SOCKET is set, but systemd cannot be told: .*\nhint: /)
  assert.equal(existsSync(sandbox.path('/run/frameworkd/frameworkd.pid')), false)
})

test('the watchdog is fed while the listener answers, and no more once the event loop is blocked', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address, { WATCHDOG_USEC: '400000' })
  let heard = 0
  for (let count = 0; count < 3; count += 1) heard = await systemd.heard(/^WATCHDOG=1$/, heard)
  assert.ok((await systemd.heard(/^READY=1$/)) <= heard)
  daemon.child.kill('SIGSTOP')
  // What was on its way arrives, and then nothing.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const fed = systemd.messages.length
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.equal(systemd.messages.length, fed)
})

test('the watchdog is fed where the listener is switched off, and not where it is meant for another process', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  await sandbox.setRow('frameworkd_listener', '0')
  await using systemd = await openNotifyReceiver()
  {
    using daemon = await serveNotifying(sandbox, systemd.address, { WATCHDOG_USEC: '200000' })
    await systemd.heard(/^WATCHDOG=1$/)
    daemon.child.kill('SIGTERM')
    assert.equal((await daemon.end).code, 0)
  }
  const from = systemd.messages.length
  using other = await serveNotifying(sandbox, systemd.address, { WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' })
  await systemd.heard(/^READY=1$/, from)
  await daemonVerb(sandbox, 'reload')
  await systemd.heard(/^RELOADING=1$/, from)
  other.child.kill('SIGTERM')
  assert.equal((await other.end).code, 0)
  assert.equal(systemd.messages.slice(from).flat().includes('WATCHDOG=1'), false)
})

test('a watchdog that waits longer than a timer can is not flooded', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await sandbox.setRow('frameworkd_listener', '0')
  await using systemd = await openNotifyReceiver()
  using daemon = await serveNotifying(sandbox, systemd.address, { WATCHDOG_USEC: '999999999999999' })
  await systemd.heard(/^READY=1$/)
  assert.equal((await daemonVerb(sandbox, 'reload')).code, 0)
  daemon.child.kill('SIGTERM')
  assert.equal((await daemon.end).code, 0)
  assert.equal(systemd.messages.flat().includes('WATCHDOG=1'), false)
})

test('www-data can notify, started by root', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  await using systemd = await openNotifyReceiver()
  chmodSync(sandbox.root, 0o755)
  writeFileSync(sandbox.path('/etc/passwd'), 'www-data:x:33:33::/:/bin/sh\n')
  assert.equal((await sandbox.setup()).code, 0)
  using daemon = await serveNotifying(sandbox, systemd.address)
  await systemd.heard(/^READY=1$/)
  assert.match(readFileSync(`/proc/${daemon.child.pid}/status`, 'latin1'), /^Uid:\t33\t33\t33\t33$/m)
  daemon.child.kill('SIGTERM')
  assert.equal((await daemon.end).code, 0)
  await until(() => systemd.messages.flat().includes('STOPPING=1'))
})
