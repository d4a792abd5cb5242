/** What a daemon inherits: descriptors, signals, limits, the wishes of somebody else's service manager. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { daemonVerb, killIfThere, provisioned, serve, stop, talk } from '../support/daemon.ts'
import { leftOut } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { openNotifyReceiver } from '../support/notify.ts'
import { programFile } from '../support/programs.ts'
import { notRoot } from '../support/services.ts'
import { until } from '../support/until.ts'

const door = programFile('frameworkd')
const log = '/var/log/ossim/frameworkd.log'

test('a detached daemon never speaks to the notify socket of whoever ran start', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  await using systemd = await openNotifyReceiver()
  const env = { NOTIFY_SOCKET: systemd.address, WATCHDOG_USEC: '200000' }
  const { code } = await daemonVerb(sandbox, 'start', [], { env })
  assert.equal(code, 0)
  await daemonVerb(sandbox, 'reload')
  await daemonVerb(sandbox, 'stop')
  assert.deepEqual(systemd.messages, [])
})

test('a start that fails tells systemd why, as the last word', async () => {
  await using sandbox = await provisioned()
  await using systemd = await openNotifyReceiver()
  await sandbox.setRow('encryption_key', 'AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111')
  const { code } = await daemonVerb(sandbox, 'run', [], { env: { NOTIFY_SOCKET: systemd.address } })
  assert.equal(code, 3)
  assert.match(systemd.messages.flat().at(-1) ?? '', /^STATUS=Failed: .*different keys/)
})

test('clients that leave with a reset before they are looked at are no refusals', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  for (let count = 0; count < 200; count += 1) {
    const socket = connect(daemon.port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.resetAndDestroy()
  }
  assert.equal(JSON.parse(await talk(daemon.port, ['status\n'], 1)).listener.counts.refused, 0)
  assert.equal(await stop(daemon.child), 0)
  assert.doesNotMatch(sandbox.read(log), /may not speak|has left/)
})

test('a pipe that run inherits stays as it is for all who have it', async () => {
  await using sandbox = await provisioned()
  const script = `mkfifo "$1/fifo"; exec 3<>"$1/fifo"; "$2" "$3" run --root "$1" --port "$4" 2>&3 & pid=$!
    until grep -q "Listening on" "$1${log}" 2>/dev/null; do sleep 0.05; done
    grep ^flags: /proc/self/fdinfo/3; kill $pid; wait $pid`
  const { stdout } = spawnSync(
    'sh',
    ['-c', script, 'sh', sandbox.root, process.execPath, door, String(await freePort())],
    { encoding: 'utf8' },
  )
  const flags = Number.parseInt(/flags:\s+([0-7]+)/.exec(stdout)?.[1] ?? '', 8)
  assert.equal(flags & 0o4000, 0, 'O_NONBLOCK')
})

test('too few open files are told before it serves', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const script = 'ulimit -n 32; exec "$@"'
  const args = ['-c', script, 'sh', process.execPath, door, 'run', '--root', sandbox.root]
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
  assert.equal(status, 4, stderr)
  assert.match(stderr, /only 32 files may be open, and 64 are needed\nhint: raise the limit: ulimit -n/)
})

test('with the fewest open files that are allowed it serves, and answers while strangers take all places', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const script = 'ulimit -n 64; exec "$@"'
  const port = await freePort()
  const args = ['-c', script, 'sh', process.execPath, door, 'run', '--root', sandbox.root, '--port', String(port)]
  const child = spawn('sh', args)
  await until(async () => child.exitCode !== null || (await talk(port, ['ping\n'], 1)) === 'pong\n')
  const crowd = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await sleep(500)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  for (const socket of crowd) socket.destroy()
  assert.equal(await stop(child), 0)
})

test('ps shows it by its name, with its command line', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  const shown = execFileSync('ps', ['-o', 'comm=,args=', '-p', String(daemon.child.pid)], { encoding: 'utf8' })
  assert.match(shown, /^frameworkd +.*frameworkd\.js run --root /)
})

test('log lines follow the time zone of the machine from the next reopening on', {
  skip: leftOut || notRoot,
}, async () => {
  await using sandbox = await provisioned()
  const program = `
    import { Logs } from ${JSON.stringify(fileURLToPath(new URL('../../src/daemon/logs/logs.ts', import.meta.url)))}
    import { Host } from ${JSON.stringify(fileURLToPath(new URL('../../src/host/host.ts', import.meta.url)))}
    import { execFileSync } from 'node:child_process'
    const logs = new Logs(new Host(${JSON.stringify(sandbox.root)}), { path: '/zone.log', mode: 0o644, verbosity: 0, format: 'text' })
    for (const zone of ['UTC', 'Asia/Tokyo']) {
      execFileSync('ln', ['-sfn', '/usr/share/zoneinfo/' + zone, '/etc/localtime'])
      logs.reopen()
      logs.info(new Date().toISOString())
    }`
  writeFileSync(sandbox.path('/program.mjs'), program)
  // An /etc of its own, so that the machine's stays what it is.
  const script = 'mkdir "$1/etc2"; cp -a /etc/. "$1/etc2" && mount --bind "$1/etc2" /etc && exec "$2" "$1/program.mjs"'
  const args = ['--mount', 'sh', '-c', script, 'sh', sandbox.root, process.execPath]
  const { status, stderr } = spawnSync('unshare', args, { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } })
  assert.equal(status, 0, stderr)
  const hours = [...sandbox.read('/zone.log').matchAll(/^\S+ (\d\d):.* \[INFO\]: \S+T(\d\d):/gm)]
  const offsets = hours.map(([, local, utc]) => (Number(local) - Number(utc) + 24) % 24)
  assert.deepEqual(offsets, [0, 9])
})

test('SIGTERM counts as pid 1 of a container, however early it comes', { skip: leftOut || notRoot }, async () => {
  await using sandbox = await provisioned()
  for (const afterMs of [0, 20, 40, 80, 160, 320]) {
    const args = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, door, 'run']
    const child = spawn('unshare', [...args, '--root', sandbox.root, '--port', String(await freePort())], {
      stdio: 'ignore',
    })
    using _ = { [Symbol.dispose]: () => void child.kill('SIGKILL') }
    await until(() => childOf(child.pid ?? 0) > 0 || child.exitCode !== null)
    const first = childOf(child.pid ?? 0)
    await sleep(afterMs)
    killIfThere(first, 'SIGTERM')
    // Until the first instruction of ours nobody can take it: a supervisor that sends it once more is enough then.
    await until(() => child.exitCode !== null || nameOf(first) === 'frameworkd')
    killIfThere(first, 'SIGTERM')
    await until(() => child.exitCode !== null)
  }
})

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim()
  } catch {
    return ''
  }
}

function childOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0])
  } catch {
    return 0
  }
}

test('an account that may not write in /run is told so, and serves where it has a folder', {
  skip: leftOut || notRoot,
}, async () => {
  await using sandbox = await provisioned()
  sandbox.giveToOwner()
  execFileSync('chown', ['-R', '33:33', sandbox.path('/etc/ossim'), sandbox.path('/var/log/ossim')])
  mkdirSync(sandbox.path('/run'), { recursive: true })
  const port = String(await freePort())
  const args = [door, 'run', '--root', sandbox.root, '--port', port, '--user', '33:33']
  const account = { uid: 33, gid: 33 }
  const refused = spawnSync(process.execPath, args, { ...account, encoding: 'utf8' })
  assert.equal(refused.status, 2, refused.stderr)
  assert.match(refused.stderr, /33:33 cannot write in \/run: .*\nhint: .*a tmpfs on \/run that it may write/)
  assert.ok(refused.stderr.includes(`: install -d -o 33 ${sandbox.path('/run/frameworkd')};`), refused.stderr)
  // As containers have a tmpfs.
  chmodSync(sandbox.path('/run'), 0o1777)
  const child = spawn(process.execPath, args, { ...account, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (text) => (stderr += text))
  await until(() => stderr.includes('Listening on') || child.exitCode !== null)
  assert.equal(await talk(Number(port), ['ping\n'], 1), 'pong\n', stderr)
  assert.equal(await stop(child), 0)
})
