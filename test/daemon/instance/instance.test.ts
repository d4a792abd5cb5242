import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { daemonVerb, processesOf, provisioned, serve, stop, talk } from '../../support/daemon.ts'
import { byExtent, leftOut } from '../../support/extent.ts'
import { freePort } from '../../support/mariadb.ts'
import { ended, run, start } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

const daemonsAtOnce = byExtent({ sample: 4, all: 24, long: 24 })

test(`of ${daemonsAtOnce} daemons that start at once one serves, and every other ends with 1 and names its pid`, async () => {
  await using sandbox = await provisioned()
  const port = await freePort()
  const children = Array.from({ length: daemonsAtOnce }, () =>
    start('frameworkd', ['run', '--root', sandbox.root, '--port', String(port)]),
  )
  const ends = children.map((child) => ended(child))
  let over = 0
  for (const end of ends) void end.then(() => (over += 1))
  await until(() => over === children.length - 1)
  const winner = children.find((child) => child.exitCode === null && child.signalCode === null)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  winner?.kill('SIGTERM')
  for (const [index, end] of (await Promise.all(ends)).entries()) {
    if (children[index] === winner) assert.equal(end.code, 0)
    else assert.deepEqual([end.code, end.stderr.match(/already running, pid (\d+)/)?.[1]], [1, String(winner?.pid)])
  }
})

test('of 8 starts at once all end with 0 when the one daemon serves, and name its pid', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const port = String(await freePort())
  const starts = await Promise.all(Array.from({ length: 8 }, () => daemonVerb(sandbox, 'start', ['--port', port])))
  const pids = new Set(starts.map(({ stdout }) => /pid (\d+), listening on 127\.0\.0\.1 port/.exec(stdout)?.[1]))
  assert.deepEqual([...new Set(starts.map(({ code }) => code))], [0], starts.map(({ stderr }) => stderr).join(''))
  assert.equal(pids.size, 1)
  await until(() => processesOf(sandbox).length === 1)
  assert.deepEqual(processesOf(sandbox).map(String), [...pids])
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
})

test('a daemon that starts while another stops takes over', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const port = String(await freePort())
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await daemonVerb(sandbox, 'start', ['--port', port])).code, 0)
    const [stopped, started] = await Promise.all([
      daemonVerb(sandbox, 'stop'),
      daemonVerb(sandbox, 'start', ['--port', port]),
    ])
    assert.deepEqual([stopped.code, started.code], [0, 0], stopped.stderr + started.stderr)
    await until(() => processesOf(sandbox).length <= 1)
    assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
  }
})

test('a full /run stops no start: the daemon serves, is found and stopped', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await provisioned()
  mkdirSync(sandbox.path('/run'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', sandbox.path('/run')])
  try {
    sandbox.write('/run/frameworkd/lock', '', 0o600)
    assert.throws(() => sandbox.write('/run/fill', Buffer.alloc(64 * 1024)), /ENOSPC/)
    const { code, stdout, stderr } = await daemonVerb(sandbox, 'start', ['--port', String(await freePort())])
    assert.equal(code, 0, stderr)
    const pid = /pid (\d+)/.exec(stdout)?.[1]
    assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /\[WARNING\]: No pidfile: .*the disk is full/)
    assert.match((await daemonVerb(sandbox, 'status')).stdout, new RegExp(`runs, pid ${pid}\\b`))
    assert.match((await daemonVerb(sandbox, 'stop')).stdout, new RegExp(`pid ${pid}, has stopped`))
  } finally {
    execFileSync('umount', [sandbox.path('/run')])
  }
})

test('another owner takes over the lock that the one before left, the same file, and not while a daemon runs', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  chmodSync(sandbox.root, 0o755)
  sandbox.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\nother:x:4711:4711::/:/bin/sh\n')
  assert.equal((await sandbox.setup()).code, 0)
  const [folder, lock] = ['/run/frameworkd', '/run/frameworkd/lock']
  const isOf = (path: string) => statSync(sandbox.path(path)).uid
  sandbox.write(lock, '', 0o600)
  for (const path of [lock, folder]) chownSync(sandbox.path(path), 4711, 4711)
  const { ino } = statSync(sandbox.path(lock))
  using served = await serve(sandbox)
  assert.deepEqual([isOf(folder), isOf(lock), statSync(sandbox.path(lock)).ino], [33, 33, ino])
  const other = await run('frameworkd', ['run', '--root', sandbox.root, '--user', 'other'])
  assert.equal(other.code, 1)
  assert.match(other.stderr, new RegExp(`already running, pid ${served.child.pid}\n`))
  assert.deepEqual([isOf(folder), isOf(lock)], [33, 33])
  assert.equal(await stop(served.child), 0)

  sandbox.write('/victim', 'whole\n')
  for (const [uid, plant] of [
    [0, symlinkSync],
    [4711, linkSync],
  ] as const) {
    chownSync(sandbox.path('/victim'), uid, uid)
    rmSync(sandbox.path(lock))
    plant(sandbox.path('/victim'), sandbox.path(lock))
    chownSync(sandbox.path(folder), 4711, 4711)
    const { code, stderr } = await run('frameworkd', ['run', '--root', sandbox.root])
    assert.equal(code, 1)
    assert.match(stderr, /\/run\/frameworkd\/lock (is a link|belongs to a stranger|has a second name|cannot be opened)/)
    assert.equal(isOf('/victim'), uid)
  }
})
