/** Where the listener listens, and that it ends there. */
import assert from 'node:assert/strict'
import { connect, type Server } from 'node:net'
import { test } from 'node:test'
import { bindEarly } from '../../../src/daemon/listener/bind.ts'
import { ListenSockets } from '../../../src/daemon/listener/listen-sockets.ts'
import { openLogs } from '../../support/logs.ts'
import { Sandbox } from '../../support/sandbox.ts'

function isServed(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, host)
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

/** Another address of loopback, which every machine has. */
const address = '127.0.0.9'

const late: Record<string, (sockets: ListenSockets) => Promise<void>> = {
  'a look that finds the address': (sockets) => sockets.look(),
  'a move to another address': (sockets) => sockets.move('127.0.0.10', 0),
}

for (const [what, work] of Object.entries(late)) {
  test(`${what} while all is closed opens nothing any more`, async () => {
    await using sandbox = await Sandbox.create('sqlite', { table: false })
    using logs = openLogs(sandbox, '/frameworkd.log')
    const { near } = await bindEarly('127.0.0.1', 0)
    const bound = { wanted: { address, port: 0 }, near, far: undefined, isMissing: true }
    await using servers = new AsyncDisposableStack()
    const accept = (server: Server) => void servers.defer(() => void server.close())
    const sockets = new ListenSockets(bound, { logs, accept, onMove() {}, onDown() {} })
    const places = [sockets.near]
    const working = work(sockets)
    sockets.close()
    await working
    places.push(sockets.near, sockets.endpoint, { address, port: sockets.near.port })
    for (const place of places) assert.equal(await isServed(place.address, place.port), false, JSON.stringify(place))
  })
}
