/** Where the listener listens, and that it ends there. */
import assert from 'node:assert/strict'
import { connect, type Server } from 'node:net'
import { test } from 'node:test'
import { bindEarly } from '../../../src/daemon/listener/bind.ts'
import { Doors } from '../../../src/daemon/listener/doors.ts'
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

const late: Record<string, (doors: Doors) => Promise<void>> = {
  'a look that finds the address': (doors) => doors.look(),
  'a move to another address': (doors) => doors.move('127.0.0.10', 0),
}

for (const [what, work] of Object.entries(late)) {
  test(`${what} while all is closed opens nothing any more`, async () => {
    await using sandbox = await Sandbox.create('sqlite', { table: false })
    using logs = openLogs(sandbox, '/frameworkd.log')
    const { near } = await bindEarly('127.0.0.1', 0)
    const bound = { wanted: { address, port: 0 }, near, far: undefined, isMissing: true }
    await using servers = new AsyncDisposableStack()
    const accept = (server: Server) => void servers.defer(() => void server.close())
    const doors = new Doors(bound, { logs, accept, onMove() {}, onDown() {} })
    const places = [doors.near]
    const working = work(doors)
    doors.close()
    await working
    places.push(doors.near, doors.place, { address, port: doors.near.port })
    for (const place of places) assert.equal(await isServed(place.address, place.port), false, JSON.stringify(place))
  })
}
