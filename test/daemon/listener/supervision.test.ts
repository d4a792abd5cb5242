import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { type AccessList, createAccessList } from '../../../src/daemon/listener/access-list.ts'
import { bindEarly } from '../../../src/daemon/listener/bind.ts'
import { type Limits, limitsFor } from '../../../src/daemon/listener/limits.ts'
import { type Listener, type ListenerOptions, listen } from '../../../src/daemon/listener/listener.ts'
import { Client, flood } from '../../support/clients.ts'
import { openLogs } from '../../support/logs.ts'
import { freePort } from '../../support/mariadb.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

const log = '/var/log/ossim/frameworkd.log'
const nobody: AccessList = {
  has: () => false,
  keepFresh() {},
  known: undefined,
  [Symbol.dispose]() {},
}

/** A listener in this process, with logs of its own. */
class RunningListener implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack()
  sandbox!: Sandbox
  listener!: Listener
  /** Answered pings of the listener's own. */
  alive = 0

  static async start(options: Partial<ListenerOptions> = {}): Promise<RunningListener> {
    const self = new RunningListener()
    self.sandbox = self.#resources.use(await Sandbox.create('sqlite'))
    const logs = self.#resources.use(openLogs(self.sandbox, log))
    self.listener = self.#resources.use(
      await listen({
        address: '127.0.0.1',
        port: 0,
        logs,
        sensors: nobody,
        facts: () => ({}),
        onAlive: () => (self.alive += 1),
        superviseEveryMs: 20,
        ...options,
      }),
    )
    return self
  }

  get port(): number {
    return this.listener.endpoint.port
  }

  /** A client that was answered, so that it has its place. */
  async client(from?: string): Promise<Client> {
    const client = new Client(this.port, from === undefined ? {} : { from })
    await client.ask('ping')
    return client
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }
}

function limits(changes: Partial<Limits>): Limits {
  return { ...limitsFor(256), ...changes }
}

test('a listener that serves answers its own ping, and says so each time', async () => {
  await using running = await RunningListener.start()
  await until(() => running.alive > 5)
  assert.equal(running.listener.counts().refused, 0)
})

test('a listener that ends unasked is down', async () => {
  const bound = await bindEarly('127.0.0.1', 0)
  await using running = await RunningListener.start({ bound })
  bound.near.close()
  await assert.rejects(running.listener.failure, { code: 'listener-down', message: 'Listener is down' })
})

test('a listener that accepts and does not answer is down after two pings', async () => {
  const bound = await bindEarly('127.0.0.1', 0)
  await using running = await RunningListener.start({ bound })
  await until(() => running.alive > 0)
  bound.near.removeAllListeners('connection')
  bound.near.on('connection', (socket) => socket.destroy())
  await assert.rejects(running.listener.failure, { code: 'listener-down' })
})

test('one user with many addresses of this machine cannot take all slots, and never those of clients that were busy later', async () => {
  await using running = await RunningListener.start({ address: '::', limits: limits({}) })
  const { nearConnections } = limits({})
  using first = await running.client()
  const crowd: Client[] = []
  for (const [from, to] of [
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.3', '127.0.0.1'],
    ['::1', '::1'],
  ] as const) {
    for (let count = 0; count < nearConnections; count += 1) {
      const client = new Client(running.port, { from, to })
      crowd.push(client)
      await client.ask('ping')
      assert.equal(await first.ask('ping'), 'pong', 'it asks again and again, and keeps its place')
    }
  }
  assert.equal(running.listener.counts().connections, nearConnections)
  const closed = crowd.map(({ isClosed }) => isClosed)
  assert.deepEqual(
    closed,
    [...Array(closed.length).keys()].map((index) => index < closed.length - nearConnections + 1),
  )
  using fresh = new Client(running.port)
  assert.equal(await fresh.ask('ping'), 'pong', 'a newcomer gets in')
  assert.match(running.sandbox.read(log), /127\.0\.0\.2 was idle for longest and made room, closed/)
  for (const client of crowd) client[Symbol.dispose]()
})

test('a listener full of clients, loopback included, answers its own ping', async () => {
  await using running = await RunningListener.start({ limits: limits({}) })
  const strangers = Array.from({ length: 300 }, (_, index) => {
    return new Client(running.port, { from: `127.0.0.${(index % 100) + 2}` })
  })
  // One more may have made room for the listener's own ping.
  await until(() => strangers.filter(({ isClosed }) => isClosed).length >= 300 - limits({}).nearConnections)
  const before = running.alive
  await until(() => running.alive > before + 5)
  const rejected = await Promise.race([running.listener.failure.catch(() => true), Promise.resolve(false)])
  assert.equal(rejected, false)
  for (const client of strangers) client[Symbol.dispose]()
})

test('a client that sends no command, half of one, or nothing any more is closed in time', async () => {
  await using running = await RunningListener.start({ limits: limits({ firstLineMs: 300, idleMs: 1500 }) })
  using silent = new Client(running.port)
  using half = new Client(running.port)
  half.socket.write('pin')
  using idle = await running.client()
  await until(() => silent.isClosed && half.isClosed)
  assert.equal(await idle.ask('ping'), 'pong')
  await until(() => idle.isClosed)
  assert.match(running.sandbox.read(log), /127\.0\.0\.1 sent no command in time, closed/)
})

test('a client that does not read is closed in time, and the memory that was held for it is free again', async () => {
  await using running = await RunningListener.start({ limits: limits({ writeMs: 500 }) })
  using deaf = new Client(running.port)
  deaf.socket.pause()
  void flood(deaf.socket, Buffer.from('status\n'.repeat(10_000)))
  await until(() => running.listener.counts().heldBytes > 0)
  await until(() => running.listener.counts().connections === 0)
  assert.equal(running.listener.counts().heldBytes, 0)
  assert.match(running.sandbox.read(log), /127\.0\.0\.1 does not read, closed/)
})

test('all clients together hold no more memory than the limit: the one that did so for longest makes room', async () => {
  await using running = await RunningListener.start({ limits: limits({ heldBytes: 100_000 }) })
  using first = await running.client()
  using second = await running.client()
  first.socket.write('x'.repeat(60_000))
  await until(() => running.listener.counts().heldBytes === 60_000)
  second.socket.write('x'.repeat(60_000))
  await until(() => first.isClosed)
  assert.equal(running.listener.counts().heldBytes, 60_000)
  assert.equal(second.isClosed, false)
  assert.match(running.sandbox.read(log), /127\.0\.0\.1 left too much unread for longest, closed/)
})

test('move serves another address, and clients stay connected', async () => {
  await using running = await RunningListener.start()
  using old = await running.client()
  const before = running.port
  const port = await freePort()
  await running.listener.move('127.0.0.1', port)
  assert.equal(running.port, port)
  using fresh = new Client(port)
  assert.equal(await fresh.ask('ping'), 'pong')
  assert.equal(await old.ask('ping'), 'pong')
  using late = new Client(before)
  await until(() => late.isClosed)
  assert.equal(late.received, '')
  const { alive } = running
  await until(() => running.alive > alive + 2)
})

test('move to where it listens changes nothing, and to another address on the same port works', async () => {
  await using running = await RunningListener.start()
  const { port } = running
  await running.listener.move('0.0.0.0', port)
  await running.listener.move('0.0.0.0', port)
  assert.deepEqual([running.listener.endpoint.address, running.port], ['0.0.0.0', port])
  using client = await running.client()
  assert.equal(await client.ask('ping'), 'pong')
})

test('move to a port that is taken fails, and it serves where it was', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  await using running = await RunningListener.start()
  await assert.rejects(running.listener.move('127.0.0.1', portOf(other)), { code: 'address-in-use' })
  using client = await running.client()
  assert.equal(await client.ask('ping'), 'pong')
  other.close()
})

test('a server that is bound early closes its clients until listen gets it, and serves then', async () => {
  const bound = await bindEarly('127.0.0.1', 0)
  using early = new Client(portOf(bound.near))
  await until(() => early.isClosed)
  await using running = await RunningListener.start({ bound })
  using client = new Client(portOf(bound.near))
  assert.equal(await client.ask('ping'), 'pong')
  assert.equal(running.port, portOf(bound.near))
})

test('the access list denies while it is unknown, forgets nothing at a failure, and reads once at a time', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  using logs = openLogs(sandbox, log)
  let reads = 0
  const first = Promise.withResolvers<readonly string[]>()
  using sensors = createAccessList({
    logs,
    readSensors: () => {
      reads += 1
      return first.promise
    },
  })
  assert.equal(sensors.has('192.0.2.1'), false)
  assert.equal(reads, 0, 'a listener that only loopback reaches needs no list')
  sensors.keepFresh(true)
  for (let count = 0; count < 1000; count += 1) assert.equal(sensors.has('192.0.2.1'), false)
  assert.equal(reads, 1)
  assert.equal(sensors.known, undefined)
  first.resolve(['::ffff:192.0.2.1', '2001:DB8::1'])
  await until(() => sensors.known === 2)
  assert.deepEqual(
    ['192.0.2.1', '2001:db8::1', '192.0.2.2'].map((address) => sensors.has(address)),
    [true, true, false],
  )
})

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
