import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { isThisMachine } from '../../src/host/this-machine.ts'

test('loopback in every form, localhost and the addresses of its interfaces are this machine, others are not', () => {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? [])
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost', 'LOCALHOST.', ...own])
    assert.equal(isThisMachine(host), true, host)
  for (const host of ['192.0.2.1', '2001:db8::1', 'db.example', 'localhost.example'])
    assert.equal(isThisMachine(host), false)
})
