import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  daemonVerb,
  descriptorsOf,
  processesOf,
  processStatus,
  provisioned,
  startDetached,
  talk,
} from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { freePort } from '../../support/mariadb.ts'
import { asStranger, ended, programFile, runIn, start } from '../../support/programs.ts'
import { keyB, keyFileText, keyPath, Sandbox } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

const asRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const pidfile = '/run/frameworkd/frameworkd.pid'

test('start returns when the daemon serves, and the daemon is detached in every respect', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  assert.equal(sandbox.read(pidfile), `${daemon.pid}\n`)
  const proc = `/proc/${daemon.pid}`
  const [, parent, , session, terminal] = readFileSync(`${proc}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ')
  assert.notEqual(Number(session), daemon.pid, 'it leads its session')
  // It has ended, and is gone when whoever is pid 1 here has taken notice.
  await until(() => processStatus(Number(session)) === undefined)
  assert.equal(terminal, '0')
  assert.notEqual(Number(parent), process.pid)
  assert.equal(readlinkSync(`${proc}/cwd`), '/')
  assert.equal(processStatus(daemon.pid)?.get('Umask'), '0027')
  for (const descriptor of [0, 1, 2]) assert.equal(readlinkSync(`${proc}/fd/${descriptor}`), '/dev/null')
})

test('the daemon inherits no descriptor of whoever ran start', async () => {
  await using sandbox = await provisioned()
  sandbox.write('/inherited', 'x')
  const program = programFile('frameworkd')
  const script = 'exec 7<"$1" 42<"$1" 250<"$1"; exec "$2" "$3" start --root "$4" --port "$5"'
  const port = String(await freePort())
  const args = [sandbox.path('/inherited'), process.execPath, program, sandbox.root, port]
  const { code, stdout } = await ended(spawn('bash', ['-c', script, 'bash', ...args]))
  assert.equal(code, 0)
  const pid = /pid (\d+)/.exec(stdout)?.[1]
  const own =
    /^(\/dev\/null|anon_inode:.*|pipe:.*|socket:.*|.*\.bundle|.*\/run\/frameworkd\/lock|.*\/frameworkd(_error)?\.log)$/
  // What it opens for a moment of its own work is gone at the next look; what it has inherited is not.
  let strange: string[] = []
  for (let looks = 0; looks === 0 || (strange.length > 0 && looks < 50); looks += 1) {
    if (looks > 0) await sleep(100)
    const open = [...descriptorsOf(Number(pid)).values()]
    assert.ok(open.length > 3, 'it is there')
    assert.equal(open.includes(sandbox.path('/inherited')), false, open.join(' '))
    strange = open.filter((target) => !own.test(target))
  }
  assert.deepEqual(strange, [])
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
})

test('start while it runs and stop while it does not end with 0 and change nothing', async () => {
  await using sandbox = await provisioned()
  const nothing = await daemonVerb(sandbox, 'stop')
  assert.equal(nothing.code, 0)
  assert.match(nothing.stdout, /not running/)
  await using daemon = await startDetached(sandbox)
  const again = await daemonVerb(sandbox, 'start')
  assert.equal(again.code, 0)
  assert.match(again.stdout, new RegExp(`runs already, pid ${daemon.pid}\\b`))
  assert.equal(sandbox.read(pidfile), `${daemon.pid}\n`)
})

test('-d is start, with the other flags of run', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const port = String(await freePort())
  const args = ['-d', '-v', '--root', sandbox.root, '-p', port, '-L', '/var/log/other.log']
  const { code, stdout, stderr } = await ended(start('frameworkd', args))
  assert.equal(code, 0, stderr)
  assert.match(stdout, new RegExp(`port ${port}`))
  assert.match(sandbox.read('/var/log/other.log'), /Listening on/)
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
})

test('start fails with the words and the exit code of the daemon, and leaves nothing behind', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const taken = String(typeof address === 'object' && address?.port)
  const port = await daemonVerb(sandbox, 'start', ['--port', taken])
  server.close()
  assert.equal(port.code, 1)
  assert.match(port.stderr, /port \d+ is taken\nhint: /)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store = paper\n')
  const settings = await daemonVerb(sandbox, 'start')
  assert.equal(settings.code, 2)
  assert.match(settings.stderr, /frameworkd\.ini: store: "paper" is not one of/)
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store = sqlite\n')
  rmSync(sandbox.path(keyPath))
  sandbox.write(keyPath, keyFileText(keyB), 0o400)
  const key = await daemonVerb(sandbox, 'start')
  assert.equal(key.code, 3)
  assert.match(key.stderr, /different keys/)
  await until(() => processesOf(sandbox).length === 0)
})

test('a privileged port is bound by root for the service, a second daemon still hears who runs, and no reload loses it', {
  skip: leftOut || asRoot.skip,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite', { table: false })
  chmodSync(sandbox.root, 0o755)
  sandbox.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\n')
  assert.equal((await sandbox.setup()).code, 0)
  const port = await freePrivilegedPort()
  const { code, stdout, stderr } = await daemonVerb(sandbox, 'start', ['--port', String(port)])
  assert.equal(code, 0, stderr)
  const pid = Number(/pid (\d+)/.exec(stdout)?.[1])
  assert.equal(processStatus(pid)?.get('Uid'), '33\t33\t33\t33')
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  const second = await daemonVerb(sandbox, 'run', ['--port', String(port)])
  assert.equal(second.code, 1)
  assert.match(second.stderr, new RegExp(`already running, pid ${pid}`))
  await sandbox.setRow('frameworkd_address', '127.0.1.1')
  const reload = await daemonVerb(sandbox, 'reload')
  assert.equal(reload.code, 1)
  assert.match(reload.stderr, /the old settings stay: port \d+ needs root/)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
})

/** A port below 1024 that nobody has. */
async function freePrivilegedPort(): Promise<number> {
  for (let port = 1023; ; port -= 1) {
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    server.close()
    if (isFree) return port
  }
}

/** A set up sandbox whose database is not there any more. */
async function withoutDatabase(): Promise<Sandbox> {
  const sandbox = await provisioned('mysql')
  const port = String(await freePort())
  const ini = sandbox.read('/etc/frameworkd/frameworkd.ini')
  sandbox.write('/etc/frameworkd/frameworkd.ini', `${ini}db-host = 127.0.0.1\ndb-port = ${port}\n`)
  return sandbox
}

test('start --timeout gives up with 75 while the database does not answer, and the daemon with it', {
  skip: leftOut,
}, async () => {
  await using sandbox = await withoutDatabase()
  const { code, stderr } = await daemonVerb(sandbox, 'start', ['--timeout', '1'])
  assert.equal(code, 75)
  assert.match(stderr, /did not serve within 1 s\nhint: /)
  await until(() => processesOf(sandbox).length === 0)
})

test('a start that is interrupted or killed while it waits leaves no daemon that serves later', {
  skip: leftOut,
}, async () => {
  await using sandbox = await withoutDatabase()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const) {
    const child = start('frameworkd', ['start', '--root', sandbox.root])
    const end = ended(child)
    const said = await new Promise((resolve) => child.stderr?.once('data', resolve))
    assert.match(String(said), /^frameworkd: waiting: .*127\.0\.0\.1/)
    child.kill(signal)
    assert.equal((await end).code, code)
    await until(() => processesOf(sandbox).length === 0)
  }
})

test('stop kills at the deadline a daemon that does not react', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  process.kill(daemon.pid, 'SIGSTOP')
  const { code, stdout } = await daemonVerb(sandbox, 'stop', ['--timeout', '1'])
  assert.equal(code, 0)
  assert.match(stdout, /was killed/)
  assert.equal(processStatus(daemon.pid), undefined)
})

test('stop and status work while the configuration is broken; restart and reload then keep what runs', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store = paper\n')
  assert.equal((await daemonVerb(sandbox, 'status')).code, 0)
  assert.equal((await daemonVerb(sandbox, 'restart')).code, 2)
  const reload = await daemonVerb(sandbox, 'reload')
  assert.equal(reload.code, 1)
  assert.match(reload.stderr, /not reloaded, the old settings stay: .*"paper"/)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  assert.equal((await daemonVerb(sandbox, 'stop')).code, 0)
  assert.equal((await daemonVerb(sandbox, 'status')).code, 3)
})

test('restart replaces the daemon', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  const { code, stdout } = await daemonVerb(sandbox, 'restart', ['--port', String(daemon.port)])
  assert.equal(code, 0)
  assert.match(stdout, /serves, pid \d+/)
  assert.equal(processStatus(daemon.pid), undefined)
  assert.notEqual(sandbox.read(pidfile), `${daemon.pid}\n`)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
})

test('status tells 0, 1 and 3, as the LSB has them, for people and as JSON', async () => {
  await using sandbox = await provisioned()
  assert.equal((await daemonVerb(sandbox, 'status')).code, 3)
  await using daemon = await startDetached(sandbox)
  const runs = await daemonVerb(sandbox, 'status', ['--json'])
  assert.equal(runs.code, 0)
  const document = JSON.parse(runs.stdout)
  assert.deepEqual(
    [document.state, document.pid, document.listens],
    ['running', daemon.pid, { address: '127.0.0.1', port: daemon.port }],
  )
  assert.match((await daemonVerb(sandbox, 'status')).stdout, new RegExp(`runs, pid ${daemon.pid}, listening on`))
  process.kill(daemon.pid, 'SIGKILL')
  await until(() => processStatus(daemon.pid) === undefined)
  const dead = await daemonVerb(sandbox, 'status', ['--json'])
  assert.equal(dead.code, 1)
  assert.deepEqual(JSON.parse(dead.stdout), { version: 1, state: 'dead' })
})

test('status is 4 for an account that cannot know, and stop then says which account can', {
  skip: leftOut || asRoot.skip,
}, async () => {
  await using sandbox = await provisioned()
  chmodSync(sandbox.root, 0o755)
  await using daemon = await startDetached(sandbox)
  const asOther = (verb: string) => runIn(asStranger, 'frameworkd', [verb, '--root', sandbox.root])
  const status = await asOther('status')
  assert.equal(status.code, 4, status.stderr)
  assert.match(status.stdout, /only root can look at/)
  const stop = await asOther('stop')
  assert.equal(stop.code, 4)
  assert.match(stop.stderr, /hint: run it as root/)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
})

test('start-stop-daemon stops it by its pidfile and user', { skip: leftOut || asRoot.skip }, async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  const args = ['--stop', '--pidfile', sandbox.path(pidfile), '--user', 'root', '--retry', 'TERM/5/KILL/5']
  execFileSync('/usr/sbin/start-stop-daemon', args, { stdio: 'ignore' })
  assert.equal(processStatus(daemon.pid), undefined)
  assert.equal(existsSync(sandbox.path(pidfile)), false)
  assert.match(sandbox.read('/var/log/ossim/frameworkd.log'), /Frameworkd has stopped\n$/)
})

test('what is no number of seconds, no log format, no absolute path, no account or no verb ends with 2', async () => {
  await using sandbox = await provisioned()
  const mistakes = [
    ['start', '--timeout', 'soon'],
    ['start', '--timeout=-1'],
    ['run', '--log-format', 'xml'],
    ['run', '--log', 'here.log'],
    ['start', '--pidfile', '/run/'],
    ['run', '--user', ''],
    ['run', '--user', '33:'],
    ['run', '--user', '4294967295:1'],
    ['dance'],
    ['-d', 'stop'],
    ['stop', 'now'],
  ]
  for (const args of someOf(mistakes, 4)) {
    const { code, stderr } = await ended(start('frameworkd', ['--root', sandbox.root, ...args]))
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /\nhint: /)
  }
})
