import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, loopback, reachableAddress } from '../../src/text/addresses.ts'

test('a listener on every address is reached on loopback, any other one on its own address', () => {
  for (const address of ['0.0.0.0', '::']) assert.equal(reachableAddress(address), loopback)
  for (const address of [loopback, '::1', '192.0.2.1', '2001:db8::1']) assert.equal(reachableAddress(address), address)
  assert.equal(isLoopback(loopback), true)
})
