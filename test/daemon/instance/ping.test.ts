import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { daemonVerb, provisioned, serve } from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { asStranger, runIn } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'

/** Everything that a stranger may answer instead. */
const strangers: Record<string, (socket: Socket) => void> = {
  'another word': (socket) => void socket.write('OK\n'),
  'a word that begins so': (socket) => void socket.write('ponging\n'),
  'pong without an end': (socket) => void socket.write('pong, or rather not'),
  'control characters': (socket) => void socket.write('\x1b]0;owned\x07\x1b[2J\npong\n'),
  'an empty line': (socket) => void socket.write('\npong\n'),
  'a line without an end': (socket) => {
    const more = () => socket.write('x'.repeat(65536)) && setImmediate(more)
    socket.on('drain', more)
    more()
  },
}

for (const [what, answer] of someOf(Object.entries(strangers), 3)) {
  test(`ping does not take ${what} for the daemon, and shows nothing of it`, async () => {
    await using sandbox = await provisioned()
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => answer(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, stdout, stderr } = await daemonVerb(sandbox, 'ping', ['--port', String(port)])
    server.close()
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, /^frameworkd: what answers on 127\.0\.0\.1 port \d+ is not frameworkd\nhint: see who .*\n$/)
  })
}

test('ping of a daemon that does not run is 1 and says so, whatever may be read or is wrong', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  chmodSync(sandbox.root, 0o755)
  const notRunning = `frameworkd: frameworkd is not running\nhint: start it: frameworkd start --root ${sandbox.root}\n`
  const asked = await daemonVerb(sandbox, 'ping')
  assert.deepEqual([asked.code, asked.stderr], [1, notRunning])
  sandbox.write('/etc/frameworkd/frameworkd.ini', '[frameworkd]\nport=none\n')
  const wrong = await daemonVerb(sandbox, 'ping')
  assert.deepEqual([wrong.code, wrong.stderr], [1, notRunning])
  if (process.getuid?.() !== 0) return
  sandbox.write('/etc/ossim/framework/ossim.conf', 'ossim_host=127.0.0.1\n', 0o640)
  const { code, stderr } = await runIn(asStranger, 'frameworkd', ['ping', '--root', sandbox.root])
  assert.deepEqual([code, stderr], [1, notRunning])
})

test('ping says pong where the daemon answers', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  const { code, stdout } = await daemonVerb(sandbox, 'ping', ['--port', String(daemon.port)])
  assert.deepEqual([code, stdout], [0, 'pong\n'])
})

test('where something listens and says nothing, ping tells a timeout, and not to start what may be running', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const { code, stderr } = await daemonVerb(sandbox, 'ping', ['--port', String(port)])
  silent.close()
  assert.equal(code, 1)
  assert.match(stderr, /nobody answers on \S+ port \d+: no answer within 5 s \(timeout\)\nhint: .*frameworkd status/)
})

test('ping --json is one document, where it answers and where it does not, with the exit code of ping', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const silent = await daemonVerb(sandbox, 'ping', ['--json', '--port', '1'])
  assert.equal(silent.code, 1)
  const { version, answers, error } = JSON.parse(silent.stdout)
  assert.deepEqual([version, answers, error.code], [1, false, 'task-failed'])
  assert.match(error.message, /^nobody answers on .* port 1: connection refused$/)
  using daemon = await serve(sandbox)
  const pong = await daemonVerb(sandbox, 'ping', ['--json'])
  assert.equal(pong.code, 0, pong.stderr)
  assert.deepEqual(JSON.parse(pong.stdout), { version: 1, answers: true, address: '127.0.0.1', port: daemon.port })
})
