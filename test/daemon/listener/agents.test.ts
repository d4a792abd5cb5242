import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agents } from '../../../src/daemon/listener/agents.ts'

const mostAgents = 12_000

function addressOf(number: number): string {
  return `127.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
}

test('agents connect, connect again and leave: the list has one entry for each address, in their order', () => {
  const agents = new Agents()
  const model = new Map<string, { id: string; who: object }>()
  const connections: { address: string; who: object }[] = []
  for (let step = 0; step < 3000; step += 1) {
    if (connections.length === 0 || Math.random() < 0.6) {
      const connection = { address: addressOf(Math.floor(Math.random() * 300)), who: {} }
      connections.push(connection)
      agents.connect(connection.who, connection.address, String(step))
      model.set(connection.address, { id: String(step), who: connection.who })
    } else {
      const [gone] = connections.splice(Math.floor(Math.random() * connections.length), 1)
      if (!gone) continue
      agents.leave(gone.who, gone.address)
      if (model.get(gone.address)?.who === gone.who) model.delete(gone.address)
    }
    const wanted = [...model].map(([address, { id }]) => `${id}=${address}`).sort(byAddress)
    assert.deepEqual(
      agents.connected.map(({ id, address }) => `${id}=${address}`),
      wanted,
    )
  }
})

function byAddress(one: string, other: string): number {
  return one.slice(one.indexOf('=')) < other.slice(other.indexOf('=')) ? -1 : 1
}

test('with agents in all slots, a list that is asked for again and again is neither copied nor sorted', () => {
  const agents = new Agents()
  for (let number = 0; number < mostAgents; number += 1) agents.connect({}, addressOf(number * 7919), '1')
  const list = agents.connected
  for (let asked = 0; asked < 1000; asked += 1) {
    agents.connect({}, addressOf(asked * 7919), String(asked))
    assert.ok(agents.connected === list)
  }
  assert.equal(list.length, mostAgents)
})
