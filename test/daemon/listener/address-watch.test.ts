/** The address that was asked for is looked at again and again, by the rule of the kernel, and each change is told. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAccessList } from '../../../src/daemon/listener/access-list.ts'
import { type Listener, listen } from '../../../src/daemon/listener/listener.ts'
import { talk } from '../../support/daemon.ts'
import { openLogs } from '../../support/logs.ts'
import { isInOwnNetwork } from '../../support/own-network.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { notRoot } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const log = '/frameworkd.log'
const lookEveryMs = 20

/** A listener of ours that looks often, and what it has told. */
async function watchFor(address: string) {
  const sandbox = await Sandbox.create('sqlite', { table: false })
  const logs = openLogs(sandbox, log, { mode: 0o600 })
  const sensors = createAccessList({ logs, readSensors: async () => [] })
  const moves: (string | undefined)[] = []
  const facts = () => ({})
  const onMove = () => void moves.push(listener.endpoint.waitsFor)
  const listener: Listener = await listen({ address, port: 0, logs, sensors, facts, onMove, lookEveryMs })
  return {
    listener,
    moves,
    port: listener.endpoint.port,
    told: () => sandbox.read(log),
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      sensors[Symbol.dispose]()
      logs[Symbol.dispose]()
      await sandbox[Symbol.asyncDispose]()
    },
  }
}

const promise = 'an address that comes and goes'
if (notRoot || isInOwnNetwork(import.meta.url, promise)) {
  test('an address of loopback that no interface lists is served without an end', async () => {
    await using watch = await watchFor('127.0.1.1')
    await sleep(20 * lookEveryMs)
    assert.deepEqual([watch.listener.endpoint.address, watch.moves], ['127.0.1.1', []])
    assert.equal(watch.told(), '')
  })

  test('an address that comes and goes by itself is followed, and told each time', { skip: notRoot }, async () => {
    const address = '192.0.2.77'
    const ip = (what: string) => execFileSync('ip', ['address', what, `${address}/32`, 'dev', 'lo'])
    await using watch = await watchFor(address)
    assert.equal(watch.listener.endpoint.waitsFor, address)
    for (let move = 1; move <= 2; move += 1) {
      ip('add')
      await until(() => watch.moves.length === 2 * move - 1)
      assert.equal(watch.listener.endpoint.address, address)
      ip('del')
      await until(() => watch.moves.length === 2 * move)
      assert.equal(await talk(watch.listener.endpoint.port, ['ping\n'], 1), 'pong\n')
    }
    assert.deepEqual(watch.moves, [undefined, address, undefined, address])
  })

  test('moves and looks at the same time run one after the other, and what is served last is what was asked for last', {
    skip: notRoot,
  }, async () => {
    execFileSync('ip', ['address', 'add', '192.0.2.78/32', 'dev', 'lo'])
    await using watch = await watchFor('192.0.2.78')
    const { port } = watch
    const turns = ['127.0.0.1', '192.0.2.78', '0.0.0.0', '127.0.1.1', '192.0.2.78']
    await Promise.all([...turns, ...turns].map((address) => watch.listener.move(address, port)))
    assert.equal(watch.listener.endpoint.address, '192.0.2.78')
    assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
    assert.doesNotMatch(watch.told(), /taken/)
  })
}
