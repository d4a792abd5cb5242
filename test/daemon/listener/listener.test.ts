import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Client, flood } from '../../support/clients.ts'
import { type RunningDaemon, serve, stop, talk } from '../../support/daemon.ts'
import { leftOut } from '../../support/extent.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

const log = '/var/log/ossim/frameworkd.log'

/** Serves on a machine of the test's own; at its end the daemon has to end with 0. */
async function serving(args: string[] = []): Promise<AsyncDisposable & RunningDaemon & { sandbox: Sandbox }> {
  const sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup()).code, 0)
  const running = await serve(sandbox, args)
  return {
    ...running,
    sandbox,
    async [Symbol.asyncDispose]() {
      if (running.child.exitCode === null) assert.equal(await stop(running.child), 0)
      await sandbox[Symbol.asyncDispose]()
    },
  }
}

async function statusOf(port: number) {
  return JSON.parse(await talk(port, ['status\n'], 1))
}

function residentKilobytes(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

test('status tells loopback, in one line of JSON, every limit and what is used of it', async () => {
  await using daemon = await serving()
  using other = new Client(daemon.port)
  assert.equal(await other.ask('ping'), 'pong')
  const { pid, listener, sensors, lostLogLines } = await statusOf(daemon.port)
  assert.equal(pid, daemon.child.pid)
  assert.deepEqual([listener.address, listener.port, sensors, lostLogLines], ['127.0.0.1', daemon.port, null, 0])
  assert.equal(listener.counts.connections, 2)
  const { descriptors, connections, remoteConnections, nearConnections } = listener.limits
  const limits = readFileSync(`/proc/${daemon.child.pid}/limits`, 'latin1')
  assert.equal(descriptors, Number(/Max open files +(\d+)/.exec(limits)?.[1]))
  assert.ok(connections < descriptors && remoteConnections < connections && nearConnections < connections)
  for (const limit of Object.values(listener.limits)) assert.ok(Number.isInteger(limit) && Number(limit) > 0)
})

test('a line of a gigabyte is cut off, and costs the daemon no memory', async () => {
  await using daemon = await serving()
  const before = residentKilobytes(daemon.child.pid)
  const socket = connect(daemon.port, '127.0.0.1')
  socket.on('error', () => {})
  const mebibytes = await flood(socket, Buffer.alloc(1024 * 1024, 'x'), 1024)
  assert.ok(mebibytes < 1024, 'the client is closed before it is done')
  assert.ok(residentKilobytes(daemon.child.pid) - before < 64 * 1024)
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
})

test('a line may have 64 KiB, and a byte more is too long', async () => {
  await using daemon = await serving()
  const line = 'x'.repeat(64 * 1024)
  assert.equal(await talk(daemon.port, [`${line}\n`]), '')
  assert.equal(await talk(daemon.port, [`${line}x`]), '')
  assert.equal(await stop(daemon.child), 0)
  const lines = daemon.sandbox.read(log)
  assert.match(lines, /127\.0\.0\.1 sent an unknown command, closed\n/)
})

test('CRLF, half lines and many lines at once are answered the same', async () => {
  await using daemon = await serving()
  assert.equal(await talk(daemon.port, ['ping\r\nping\n'], 2), 'pong\npong\n')
  assert.equal(await talk(daemon.port, [...'ping\nping\r\n'], 2), 'pong\npong\n')
  const many = 'ping\n'.repeat(100_000)
  assert.equal(await talk(daemon.port, [many], 100_000), 'pong\n'.repeat(100_000))
  assert.match(await talk(daemon.port, [`${'ping\n'.repeat(20_000)}status\n`], 20_001), /^(pong\n){20000}\{.*\}\n$/)
})

test('a client that sends its last line and closes its side is answered, half a line is not', async () => {
  await using daemon = await serving()
  for (const [sent, answer] of [
    ['ping\n', 'pong\n'],
    ['ping\npin', 'pong\n'],
    ['ping', ''],
    ['', ''],
  ] as const) {
    using client = new Client(daemon.port)
    client.socket.end(sent)
    await until(() => client.isClosed)
    assert.equal(client.received, answer)
  }
})

test('a client that sends and never reads holds only its own answers up', { skip: leftOut }, async () => {
  await using daemon = await serving()
  const deaf = connect(daemon.port, '127.0.0.1')
  deaf.on('error', () => {})
  deaf.pause()
  const before = residentKilobytes(daemon.child.pid)
  void flood(deaf, Buffer.from('status\n'.repeat(10_000)))
  await until(async () => (await statusOf(daemon.port)).listener.counts.heldBytes > 0)
  using healthy = new Client(daemon.port)
  for (let count = 0; count < 50; count += 1) assert.equal(await healthy.ask('ping'), 'pong')
  assert.ok(residentKilobytes(daemon.child.pid) - before < 64 * 1024)
  assert.ok((await statusOf(daemon.port)).listener.counts.heldBytes < 1024 * 1024)
  deaf.destroy()
  await until(async () => (await statusOf(daemon.port)).listener.counts.heldBytes === 0)
})

test('a client that floods gets no more than its turn while others ask', { skip: leftOut }, async () => {
  await using daemon = await serving()
  const greedy = connect(daemon.port, '127.0.0.1')
  greedy.on('error', () => {})
  void flood(greedy, Buffer.from('ping\n'.repeat(50_000)))
  let answered = 0
  greedy.on('data', (chunk) => (answered += chunk.length / 5))
  await until(() => answered > 1_000_000)
  using healthy = new Client(daemon.port)
  for (let count = 0; count < 200; count += 1) assert.equal(await healthy.ask('ping'), 'pong')
  greedy.destroy()
})

test('a thousand clients that connect and leave, with and without a word, leave nothing behind', {
  skip: leftOut,
}, async () => {
  await using daemon = await serving()
  for (let round = 0; round < 10; round += 1) {
    const clients = Array.from({ length: 100 }, () => new Client(daemon.port))
    for (const [index, { socket }] of clients.entries()) {
      if (index % 4 === 0) socket.destroy()
      else if (index % 4 === 1) socket.once('connect', () => socket.resetAndDestroy())
      else if (index % 4 === 2) socket.once('connect', () => socket.write('pi', () => socket.destroy()))
      else socket.end('ping\n')
    }
    await until(() => clients.every(({ isClosed }) => isClosed))
  }
  await until(async () => (await statusOf(daemon.port)).listener.counts.connections === 1)
  assert.equal((await statusOf(daemon.port)).listener.counts.heldBytes, 0)
})

test('a thousand refusals are a few lines of log, with their number', { skip: leftOut }, async () => {
  await using daemon = await serving()
  for (let round = 0; round < 50; round += 1) {
    const clients = Array.from(
      { length: 20 },
      (_, index) => new Client(daemon.port, { from: `127.0.${round}.${index + 1}` }),
    )
    for (const { socket } of clients) socket.write('hunter2\n')
    await until(() => clients.every(({ isClosed }) => isClosed))
  }
  for (let round = 0; round < 20; round += 1) assert.equal(await talk(daemon.port, ['hunter2\n']), '')
  assert.equal(await stop(daemon.child), 0)
  const text = daemon.sandbox.read(log)
  assert.doesNotMatch(text, /hunter2/)
  assert.ok(text.split('\n').length < 200)
  assert.match(text, /Clients of other addresses were refused \d+ times/)
})

test('over IPv6, and over an IPv6 socket by IPv4, loopback is loopback', { skip: leftOut }, async () => {
  await using daemon = await serving(['--listen-address', '::'])
  for (const [from, to] of [
    ['::1', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.9', '127.0.0.1'],
  ] as const) {
    using client = new Client(daemon.port, { from, to })
    assert.match(await client.ask('status'), /"address":"::"/)
  }
})

test('what is sent before the end is answered: stop waits for it', async () => {
  await using daemon = await serving()
  const clients = Array.from({ length: 50 }, () => new Client(daemon.port))
  for (const client of clients) assert.equal(await client.ask('ping'), 'pong')
  assert.equal(await stop(daemon.child), 0)
  await until(() => clients.every(({ isClosed }) => isClosed))
})
