/** What people give as a host, and what of it is one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionOf } from '../../../src/settings/definitions.ts'
import { InvalidValue } from '../../../src/settings/values/invalid-value.ts'
import { serversOf } from '../../../src/settings/values/servers.ts'

const parse = (text: string) => definitionOf('dbHost').parse(text)

test('an IPv6 address may stand in brackets', () => {
  for (const address of ['::1', 'fe80::1%eth0', '2001:db8::5']) {
    assert.equal(parse(`[${address}]`), address)
    assert.equal(parse(address), address)
  }
  for (const text of ['[db]', '[127.0.0.1]', '[::1', '::1]', '[]', '[::1]x', '[[::1]]'])
    assert.throws(() => parse(text), InvalidValue, text)
})

test('several hosts are a list with commas, each with a port of its own or without', () => {
  const servers = (dbHost: string) => serversOf({ dbHost: parse(dbHost) as string, dbPort: 3306 })
  assert.deepEqual(servers('db'), [{ host: 'db', port: 3306 }])
  assert.deepEqual(servers('[::1]:3307,db.example.org:1,::1,[fe80::1%eth0]'), [
    { host: '::1', port: 3307 },
    { host: 'db.example.org', port: 1 },
    { host: '::1', port: 3306 },
    { host: 'fe80::1%eth0', port: 3306 },
  ])
  for (const text of ['db:3306', '[::1]:3306', 'a,b:1,::1']) assert.equal(parse(text), text)
  for (const text of ['a,', ',a', 'a,,b', ',']) assert.throws(() => parse(text), /has an empty name in its list/, text)
  for (const text of ['db:0', 'db:65536', '[::1]:99999']) assert.throws(() => parse(text), /has a port in it/, text)
  for (const text of ['db:', 'db:x', 'a b,c', 'a, b', '[db]:1', '1.2.3.4.5:6'])
    assert.throws(() => parse(text), InvalidValue, text)
})

test('a URL is refused with what to do instead', () => {
  for (const text of ['mysql://db', 'mysql://root@db:3306/alienvault', 'http://127.0.0.1/'])
    assert.throws(() => parse(text), /is a URL; give the host in it alone/, text)
})
