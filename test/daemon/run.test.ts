import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { daemonVerb, listeningPorts, provisioned, serve, startDetached, stop, talk } from '../support/daemon.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { leftOut, someOf } from '../support/extent.ts'
import { run } from '../support/programs.ts'
import { keyB, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'

const pidfile = '/run/frameworkd/frameworkd.pid'
const log = '/var/log/ossim/frameworkd.log'

testOnEachStore('run serves pong, writes pidfile and logs, and SIGTERM ends it with 0', async (kind) => {
  await using sandbox = await provisioned(kind)
  const { child, port } = await serve(sandbox)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(sandbox.read(pidfile), `${child.pid}\n`)
  assert.equal(sandbox.mode(pidfile), '644')
  assert.equal(sandbox.read('/run/ossim-framework.pid'), `${child.pid}\n`)
  assert.equal(await stop(child), 0)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
  const lines = sandbox.read(log).trim().split('\n')
  for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} Framework \[(INFO|WARNING)\]: /)
  assert.match(lines[0] ?? '', /Frameworkd is starting up\.\.\.$/)
  assert.equal(sandbox.mode(log), '644')
  assert.equal(sandbox.read('/var/log/ossim/frameworkd_error.log'), '')
})

testOnEachStore('run refuses with 3 when file and row differ, and when the key file is gone', async (kind) => {
  await using sandbox = await provisioned(kind)
  rmSync(sandbox.path(keyPath))
  const missing = await run('frameworkd', ['run', '--root', sandbox.root])
  assert.equal(missing.code, 3)
  assert.match(missing.stderr, /missing in .*db_encryption_key\nhint: run frameworkd-setup/)
  sandbox.write(keyPath, keyFileText(keyB), 0o400)
  assert.equal((await run('frameworkd', ['run', '--root', sandbox.root])).code, 3)
})

test('-v logs where each setting comes from, anew at a reload, and of the password nothing else', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned('mysql')
  const { child, port } = await serve(sandbox, ['-v'])
  const first = sandbox.read(log)
  assert.match(first, new RegExp(` Framework \\[DEBUG\\]: port = ${port} {2}\\(--port\\)\n`))
  assert.match(first, /\[DEBUG\]: log-mode = 0644 {2}\(default\)\n/)
  assert.match(first, /\[DEBUG\]: password = \[hidden\] {2}\(\/etc\/ossim\/framework\/ossim\.conf\)\n/)
  await sandbox.setRow('frameworkd_log_mode', '0600')
  assert.equal((await daemonVerb(sandbox, 'reload')).code, 0)
  assert.match(sandbox.read(log), /\[DEBUG\]: log-mode = 0600 {2}\(row frameworkd_log_mode of table config\)\n/)
  assert.equal(await stop(child), 0)
  assert.ok(!sandbox.read(log).includes(sandbox.password))
})

test('SIGINT ends it with 0 too, and a storm of signals is one', async () => {
  await using sandbox = await provisioned()
  const { child } = await serve(sandbox)
  for (let count = 0; count < 50; count += 1) child.kill('SIGTERM')
  assert.equal(await stop(child, 'SIGTERM'), 0)
  const second = await serve(sandbox)
  assert.equal(await stop(second.child, 'SIGINT'), 0)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
})

test('a second daemon ends with 1 and names the pid of the first', async () => {
  await using sandbox = await provisioned()
  const { child } = await serve(sandbox)
  const second = await run('frameworkd', ['run', '--root', sandbox.root])
  assert.equal(second.code, 1)
  assert.match(second.stderr, new RegExp(`already running, pid ${child.pid}`))
  assert.equal(await stop(child), 0)
})

test('a daemon killed by SIGKILL leaves nothing that stops the next', async () => {
  await using sandbox = await provisioned()
  const first = await serve(sandbox)
  await stop(first.child, 'SIGKILL')
  assert.equal(sandbox.read(pidfile), `${first.child.pid}\n`)
  const second = await serve(sandbox)
  assert.equal(sandbox.read(pidfile), `${second.child.pid}\n`)
  assert.equal(await stop(second.child), 0)
})

/** What may stand in the place of the pidfile. */
const obstacles: [what: string, put: (path: string, sandbox: Sandbox) => void][] = [
  ['a file of 5000 digits', (path) => writeFileSync(path, '9'.repeat(5000))],
  ['a link', (path, sandbox) => symlinkSync(sandbox.path('/victim'), path)],
  ['a file of 3 MB', (path) => writeFileSync(path, '9'.repeat(3_000_000))],
  ['an empty file', (path) => writeFileSync(path, '')],
  ['a fifo', (path) => void execFileSync('mkfifo', [path])],
  ['a folder', (path) => void mkdirSync(path)],
]

for (const [what, put] of someOf(obstacles, 1)) {
  test(`${what} in the place of the pidfile stops neither a start nor a stop`, async () => {
    await using sandbox = await provisioned()
    mkdirSync(sandbox.path('/run/frameworkd'), { recursive: true })
    sandbox.write('/victim', 'whole\n')
    put(sandbox.path(pidfile), sandbox)
    assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
    {
      await using daemon = await startDetached(sandbox)
      assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
    }
    assert.equal((await daemonVerb(sandbox, 'status')).code, 3)
    assert.equal(sandbox.read('/victim'), 'whole\n')
  })
}

test('every split of valid lines answers the same', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  const sent = 'ping\r\nping\nping\n'
  for (let at = 1; at < sent.length; at += 1) {
    assert.equal(await talk(port, [sent.slice(0, at), sent.slice(at)], 3), 'pong\npong\npong\n', `split at ${at}`)
  }
  assert.equal(await talk(port, ['ping\n'.repeat(1000)], 1000), 'pong\n'.repeat(1000))
  assert.equal(await stop(child), 0)
})

test('what is no command is closed without an echo, and logged without what was sent', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  const garbage = ['hunter2\n', Buffer.from([0xff, 0xfe, 10]), Buffer.alloc(70_000, 'x'), 'ping ping\n', 'PING\n', '\n']
  for (const piece of garbage) assert.equal(await talk(port, [piece]), '')
  assert.equal(await talk(port, ['ping\nhunter2\nping\n']), 'pong\n')
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
  assert.match(sandbox.read(log), /\[WARNING\]: 127\.0\.0\.1 sent an unknown command, closed/)
  assert.doesNotMatch(sandbox.read(log), /hunter2/)
})

test('a taken port ends with 1 and names it', async () => {
  await using sandbox = await provisioned()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const { code, stderr } = await run('frameworkd', ['run', '--root', sandbox.root, '--port', String(port)])
  server.close()
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`port ${port} is taken`))
  assert.equal(existsSync(sandbox.path(pidfile)), false)
})

test('an address that this machine does not have becomes loopback, with a warning', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await sandbox.setRow('frameworkd_address', '192.0.2.1')
  const { child, port } = await serve(sandbox)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
  assert.match(sandbox.read(log), /does not have the address 192\.0\.2\.1/)
  // A name that /etc/hosts has for 127.0.0.1.
  const named = await serve(sandbox, ['--listen-address', 'localhost'])
  assert.equal(await talk(named.port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(named.child), 0)
  assert.doesNotMatch(sandbox.read(log), /does not have the address localhost/)
})

test('a linked log is not followed, and the daemon serves without it', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  sandbox.write('/victim', 'whole\n')
  symlinkSync(sandbox.path('/victim'), sandbox.path(log))
  const { child, port } = await serve(sandbox)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
  assert.equal(sandbox.read('/victim'), 'whole\n')
})

test('SIGUSR2 reopens the logs after a rotation', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  rmSync(sandbox.path(log))
  child.kill('SIGUSR2')
  while (!existsSync(sandbox.path(log))) await talk(port, ['ping\n'], 1)
  assert.equal(await stop(child), 0)
  assert.match(sandbox.read(log), /Stopping/)
})

test('SIGUSR1 does not open the inspector', async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  child.kill('SIGUSR1')
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.deepEqual(listeningPorts(child.pid), [port])
  assert.equal(await stop(child), 0)
})

test('started by root it becomes www-data for good, and what it makes is its own', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  chmodSync(sandbox.root, 0o755)
  writeFileSync(sandbox.path('/etc/passwd'), 'www-data:x:33:33::/:/bin/sh\n')
  assert.equal((await sandbox.setup()).code, 0)
  const { child } = await serve(sandbox)
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  assert.match(status, /^Uid:\t33\t33\t33\t33$/m)
  assert.match(status, /^Gid:\t33\t33\t33\t33$/m)
  assert.match(status, /^Groups:\t33 $/m)
  const made = ['/run/frameworkd/lock', pidfile, log, '/var/lib/frameworkd/store/config.db']
  const owners = execFileSync('stat', ['-c', '%u', ...made.map((path) => sandbox.path(path))], { encoding: 'utf8' })
  assert.deepEqual(owners.trim().split('\n'), ['33', '33', '33', '33'])
  assert.equal(await stop(child), 0)
})
