import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { systemCode } from '../../../src/errors.ts'
import {
  daemonVerb,
  processStatus,
  provisioned,
  provisionedForAccount,
  serve,
  startDetached,
  stop,
  talk,
} from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { programFile } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { isMissing } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const pidfile = '/run/frameworkd/frameworkd.pid'
const oldPidfile = '/run/ossim-framework.pid'
const lock = '/run/frameworkd/lock'

/** A process that has nothing to do with the daemon, until the test is over. */
function bystander(command: string, ...args: string[]) {
  const child = spawn(command, args, { stdio: 'ignore' })
  const pid = child.pid ?? 0
  return { pid, isAlive: () => processStatus(pid) !== undefined, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

/** Every verb that could hurt. */
async function provoke(sandbox: Sandbox): Promise<void> {
  for (const verb of ['status', 'reload', 'stop']) await daemonVerb(sandbox, verb)
}

test('a stale pidfile that names a stranger never gets the stranger killed', async () => {
  await using sandbox = await provisioned()
  using served = await serve(sandbox)
  const { child } = served
  await stop(child, 'SIGKILL')
  using stranger = bystander('sleep', '1000')
  writeFileSync(sandbox.path(pidfile), `${stranger.pid}\n`)
  assert.equal((await daemonVerb(sandbox, 'status')).code, 1)
  await provoke(sandbox)
  assert.ok(stranger.isAlive())
  await using daemon = await startDetached(sandbox)
  assert.equal(sandbox.read(pidfile), `${daemon.pid}\n`)
  assert.ok(stranger.isAlive())
})

test('a stranger that has the lock file open is not taken for the daemon, whatever the files say', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  using served = await serve(sandbox)
  const { child } = served
  const note = sandbox.read(lock)
  await stop(child, 'SIGKILL')
  using reader = bystander('tail', '-f', sandbox.path(lock))
  writeFileSync(sandbox.path(pidfile), `${reader.pid}\n`)
  writeFileSync(sandbox.path(lock), note.replaceAll(String(child.pid), String(reader.pid)))
  assert.equal((await daemonVerb(sandbox, 'status')).code, 1)
  await provoke(sandbox)
  assert.ok(reader.isAlive())
})

test('the daemon is found and stopped although pidfile and lock file were edited by hand', async () => {
  await using sandbox = await provisioned()
  using stranger = bystander('sleep', '1000')
  const spoils = [
    () => writeFileSync(sandbox.path(pidfile), `${stranger.pid}\n`),
    () => rmSync(sandbox.path(pidfile)),
    () => writeFileSync(sandbox.path(lock), ''),
    () => writeFileSync(sandbox.path(lock), 'null'),
    () => writeFileSync(sandbox.path(lock), '9'.repeat(3_000_000)),
  ]
  for (const spoil of someOf(spoils, 2)) {
    await using daemon = await startDetached(sandbox)
    spoil()
    assert.equal((await daemonVerb(sandbox, 'status')).code, 0)
    assert.match((await daemonVerb(sandbox, 'stop')).stdout, new RegExp(`pid ${daemon.pid}, has stopped`))
    assert.equal(processStatus(daemon.pid), undefined)
    assert.ok(stranger.isAlive())
  }
})

test('a pidfile that names another process when the daemon ends is left alone', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  using served = await serve(sandbox)
  const { child } = served
  writeFileSync(sandbox.path(pidfile), '1\n')
  assert.equal(await stop(child), 0)
  assert.equal(sandbox.read(pidfile), '1\n')
})

test('the pidfile that the original left becomes the link, and what is in the way of the link stops nothing', async () => {
  await using sandbox = await provisioned()
  sandbox.write(oldPidfile, '4711\n')
  using first = await serve(sandbox)
  assert.equal(readlinkSync(sandbox.path(oldPidfile)), 'frameworkd/frameworkd.pid')
  assert.equal(sandbox.read(oldPidfile), `${first.child.pid}\n`)
  assert.equal(await stop(first.child), 0)
  rmSync(sandbox.path(oldPidfile))
  symlinkSync('/nowhere', sandbox.path(oldPidfile))
  using second = await serve(sandbox)
  assert.equal(readlinkSync(sandbox.path(oldPidfile)), 'frameworkd/frameworkd.pid')
  assert.equal(await stop(second.child), 0)
  rmSync(sandbox.path(oldPidfile))
  mkdirSync(sandbox.path(oldPidfile))
  using third = await serve(sandbox)
  assert.equal(await talk(third.port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(third.child), 0)
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /No pidfile for monit .*is a folder/)
})

test('--pidfile names another place, and the verbs find the daemon without it', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox, ['--pidfile', '/run/other/its.pid'])
  assert.equal(sandbox.read('/run/other/its.pid'), `${daemon.pid}\n`)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
  assert.equal(readlinkSync(sandbox.path(oldPidfile)), '/run/other/its.pid')
  process.kill(daemon.pid, 'SIGKILL')
  await until(() => processStatus(daemon.pid) === undefined)
  assert.equal((await daemonVerb(sandbox, 'status')).code, 1)
  await using next = await startDetached(sandbox, ['--pidfile', '/run/other/its.pid'])
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
  assert.equal(processStatus(next.pid), undefined)
  assert.equal(existsSync(sandbox.path('/run/other/its.pid')), false)
})

test('a --pidfile where the account of the service may not write ends the start with 2', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await provisionedForAccount()
  const { code, stderr } = await daemonVerb(sandbox, 'start', ['--pidfile', '/run/its.pid'])
  assert.equal(code, 2)
  assert.match(stderr, /--pidfile: www-data cannot write in \/run: permission is denied\nhint: name one in a folder/)
  assert.equal((await daemonVerb(sandbox, 'status')).code, 3)
})

test('whoever reads the pidfile while daemons come and go sees a whole pid or none', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const seen = new Set<string>()
  const look = () => {
    try {
      seen.add(sandbox.read(pidfile))
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  const timer = setInterval(look, 1)
  const pids: string[] = []
  for (let round = 0; round < 3; round += 1) {
    using served = await serve(sandbox)
    const { child } = served
    await until(() => seen.has(`${child.pid}\n`))
    pids.push(`${child.pid}\n`)
    assert.equal(await stop(child), 0)
  }
  clearInterval(timer)
  assert.deepEqual([...seen], pids)
})

test('a stop that finds nobody clears the pidfile, whatever stands in it, and status is 3', async () => {
  await using sandbox = await provisioned()
  using stranger = bystander('sleep', '1000')
  for (const text of someOf(['4711\n', '', `${stranger.pid}\n`, 'nonsense', '9'.repeat(3_000_000)], 1)) {
    using served = await serve(sandbox)
    await stop(served.child, 'SIGKILL')
    writeFileSync(sandbox.path(pidfile), text)
    assert.equal((await daemonVerb(sandbox, 'status')).code, 1)
    const { code, stdout } = await daemonVerb(sandbox, 'stop')
    assert.deepEqual([code, stdout], [0, 'frameworkd is not running\n'])
    assert.equal((await daemonVerb(sandbox, 'status')).code, 3)
    assert.ok(stranger.isAlive())
  }
})

for (const verb of someOf(['start', 'reload'], 1)) {
  test(`${verb} puts a pidfile back that was removed, emptied or changed`, async () => {
    await using sandbox = await provisioned()
    using stranger = bystander('sleep', '1000')
    await using daemon = await startDetached(sandbox)
    for (const spoil of [
      () => rmSync(sandbox.path(pidfile)),
      () => writeFileSync(sandbox.path(pidfile), ''),
      () => writeFileSync(sandbox.path(pidfile), `${stranger.pid}\n`),
    ]) {
      spoil()
      assert.equal((await daemonVerb(sandbox, verb)).code, 0)
      assert.equal(sandbox.read(pidfile), `${daemon.pid}\n`)
    }
    assert.ok(stranger.isAlive())
  })
}

test('what our logrotate file runs never signals a stranger, and has the daemon open its logs anew', {
  skip: leftOut || isMissing('logrotate'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup(['--init', 'none'])).code, 0)
  const program = sandbox.path('/usr/sbin/frameworkd')
  const door = programFile('frameworkd')
  sandbox.write(
    '/usr/sbin/frameworkd',
    `#!/bin/sh\nexec '${process.execPath}' '${door}' "$@" --root '${sandbox.root}'\n`,
    0o755,
  )
  const text = sandbox
    .read('/etc/logrotate.d/frameworkd')
    .replaceAll('/usr/sbin/frameworkd', program)
    .replaceAll('/run/', sandbox.path('/run/'))
    .replaceAll('/var/log/ossim', sandbox.path('/var/log/ossim'))
    .replace(/www-data/g, 'root')
  sandbox.write('/logrotate.conf', text)
  const rotate = () =>
    execFileSync('logrotate', ['-f', '-s', sandbox.path('/logrotate.state'), sandbox.path('/logrotate.conf')])
  using stranger = bystander('sleep', '1000')
  sandbox.write(pidfile, `${stranger.pid}\n`)
  sandbox.write('/var/log/ossim/frameworkd.log', 'old\n')
  rotate()
  assert.ok(stranger.isAlive())
  await using daemon = await startDetached(sandbox)
  rotate()
  await talk(daemon.port, ['nonsense\n'])
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /sent an unknown command/)
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log.1'), /Listening on/)
})
