/** What people give as a host, and what of it is one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionOf, InvalidValue } from '../../src/settings/definitions.ts'

const parse = (text: string) => definitionOf('dbHost').parse(text)

test('an IPv6 address may stand in brackets', () => {
  for (const address of ['::1', 'fe80::1%eth0', '2001:db8::5']) {
    assert.equal(parse(`[${address}]`), address)
    assert.equal(parse(address), address)
  }
  for (const text of ['[db]', '[127.0.0.1]', '[::1', '::1]', '[]', '[::1]x', '[[::1]]'])
    assert.throws(() => parse(text), InvalidValue, text)
})

test('a host with a port, and a URL, are refused with what to do instead', () => {
  for (const text of ['db:3306', '127.0.0.1:3306', '[::1]:3306', 'db.example.org:1'])
    assert.throws(() => parse(text), /has a port in it; give that with --db-port/, text)
  for (const text of ['mysql://db', 'mysql://root@db:3306/alienvault', 'http://127.0.0.1/'])
    assert.throws(() => parse(text), /is a URL; give the host in it alone/, text)
})
