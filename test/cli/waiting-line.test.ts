import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Console } from '../support/pty.ts'
import { Sandbox } from '../support/sandbox.ts'
import { readScreenText } from '../support/screen.ts'

const size = { columns: 80, rows: 24 }
const nowhere = ['--db-socket', '/nosuch.sock', '--db-user', 'ossim', '--wait-for-db', '2', '--non-interactive']

test('at a terminal one line counts down, and is gone when the waiting is over', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
  await using person = new Console([...nowhere, '--root', sandbox.root], env)
  assert.equal(await person.ended(), 75, person.text)
  const seconds = [...person.raw.matchAll(/trying again, (\d) s left/g)].map(([, count]) => count)
  assert.ok(new Set(seconds).size > 1, person.raw)
  assert.doesNotMatch(await readScreenText(person.raw, size), /trying again/)
})

test('elsewhere the same reason is told once, however often it is tried', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using person = new Console([...nowhere, '--root', sandbox.root], { TERM: 'vt100' })
  assert.equal(await person.ended(), 75, person.text)
  assert.equal(person.text.match(/trying again/g)?.length, 1)
})
