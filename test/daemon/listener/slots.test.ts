import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limitsFor } from '../../../src/daemon/listener/limits.ts'
import { type Slot, Slots } from '../../../src/daemon/listener/slots.ts'

const limits = {
  ...limitsFor(256),
  connections: 8,
  nearConnections: 6,
  remoteConnections: 6,
  connectionsPerRemoteAddress: 3,
}

/** The same, as it is meant: a list in the order in which they were busy, looked through from its beginning. */
class PlainPlaces {
  clients: { who: number; source: string; isNear: boolean }[] = []

  take(who: number, source: string, isNear: boolean): number | undefined {
    const ofSource = this.clients.filter((client) => !client.isNear && !isNear && client.source === source)
    const side = this.clients.filter((client) => client.isNear === isNear)
    const full =
      ofSource.length >= limits.connectionsPerRemoteAddress
        ? ofSource
        : side.length >= (isNear ? limits.nearConnections : limits.remoteConnections)
          ? side
          : this.clients.length >= limits.connections
            ? this.clients
            : []
    const outgoing = full[0]?.who
    this.leave(outgoing)
    this.clients.push({ who, source, isNear })
    return outgoing
  }

  touch(who: number): void {
    const found = this.clients.find((client) => client.who === who)
    this.leave(who)
    if (found) this.clients.push(found)
  }

  leave(who: number | undefined): void {
    this.clients = this.clients.filter((client) => client.who !== who)
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ take: fc.constantFrom('near', 'a', 'b', 'c', 'd') }) },
  { weight: 2, arbitrary: fc.record({ touch: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ leave: fc.nat(40) }) },
)

test('whichever clients come and go, the one that makes room counts for the full limit and has been idle longest', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const slots = new Slots<number>(limits)
      const plain = new PlainPlaces()
      const taken: Slot<number>[] = []
      for (const one of steps) {
        if ('take' in one) {
          const isNear = one.take === 'near'
          const { slot, outgoing } = slots.take(taken.length, one.take, isNear)
          assert.equal(outgoing, plain.take(taken.length, one.take, isNear))
          taken.push(slot)
        } else if ('touch' in one) {
          const slot = taken[one.touch]
          if (slot) slots.touch(slot)
          plain.touch(one.touch)
        } else {
          const slot = taken[one.leave]
          if (slot) slots.leave(slot)
          plain.leave(one.leave)
        }
        assert.equal(slots.taken, plain.clients.length)
      }
    }),
    { numRuns: 500 },
  )
})

test('no crowd of one side takes the slots that are reserved for the other', () => {
  for (const crowdIsNear of [true, false]) {
    const slots = new Slots<string>(limits)
    for (let count = 0; count < 2; count += 1) slots.take(`guest ${count}`, 'guest', !crowdIsNear)
    for (let count = 0; count < 100; count += 1) {
      const { outgoing } = slots.take(`crowd ${count}`, `crowd ${count}`, crowdIsNear)
      assert.ok(outgoing === undefined || outgoing.startsWith('crowd'))
    }
  }
})
