import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrapTo } from '../../src/text/wrap.ts'

test('lines are broken between words, and no line is longer than there is room', () => {
  const text = 'the only key, in /etc/ossim/framework/db_encryption_key (1a2b3c4d), decrypts none of 12 stored values'
  for (const columns of [80, 60, 40, 30]) {
    for (const indent of [0, 4, 10]) {
      const wrapped = wrapTo({ columns })(text, indent)
      const lines = wrapped.split('\n').map((line, index) => (index === 0 ? line : line.slice(indent)))
      for (const line of lines) assert.ok(line.length <= Math.max(columns - indent, 20), line)
      assert.equal(lines.join(' ').replaceAll('/ ', '/'), text)
    }
  }
})

test('a word is cut only where it is longer than a line, and a path behind a slash', () => {
  const wrap = wrapTo({ columns: 20 })
  assert.equal(
    wrap('write /etc/ossim/framework/db_encryption_key', 0),
    'write /etc/ossim/\nframework/\ndb_encryption_key',
  )
  assert.equal(wrap('x'.repeat(25), 0), `${'x'.repeat(20)}\nxxxxx`)
})

test('a line that begins with spaces keeps them, and a command is left whole', () => {
  assert.equal(
    wrapTo({ columns: 24 })('two sides\n  one of them is long enough', 0),
    'two sides\n  one of them is long\n  enough',
  )
  const command = `  $ cat ${'a/'.repeat(40)} > b`
  assert.equal(wrapTo({ columns: 24 })(`do\n${command}`, 0), `do\n${command}`)
})
