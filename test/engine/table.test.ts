import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTable } from '../../src/engine/table.ts'

const outcomes = ['ok', 'changed', 'pending', 'skipped', 'deferred', 'failed'] as const
const names = ['preflight', 'encryption-key']

test('each outcome has a word and a mark of its own, without any colour', async () => {
  for (const unicode of [true, false]) {
    const table = await makeTable(names, { color: false, unicode, columns: () => 80 })
    const lines = outcomes.map((outcome) => table.line({ outcome, name: 'preflight', summary: 'as it is' }))
    assert.equal(new Set(lines.map((line) => line.slice(0, 1))).size, outcomes.length)
    for (const [index, outcome] of outcomes.entries()) assert.ok(lines[index]?.slice(2).startsWith(outcome))
    // The columns are straight.
    assert.deepEqual(new Set(lines.map((line) => line.indexOf('as it is'))).size, 1)
    if (!unicode) for (const line of lines) assert.match(line, /^[\x20-\x7e]+$/)
  }
})

test('a name that is not on the list does not move the column, and a narrow terminal has the text below', async () => {
  const wide = await makeTable(names, { color: false, unicode: false, columns: () => 78 })
  const row = { outcome: 'changed', name: 'restart-frameworkd', summary: 'restarted it' } as const
  assert.equal(wide.line(row), `* changed   restart-frameworkd\n${' '.repeat(28)}restarted it`)
  const narrow = await makeTable(names, { color: false, unicode: false, columns: () => 38 })
  assert.equal(narrow.line({ ...row, name: 'monit', summary: 'not installed' }), '* changed   monit  not installed')
  const below = narrow.line({ ...row, summary: 'restarted frameworkd, what it depends on has changed' })
  assert.equal(below, '* changed   restart-frameworkd\n    restarted frameworkd, what it\n    depends on has changed')
})

test('what others wrote into a summary is printable', async () => {
  const table = await makeTable(names, { color: true, unicode: true })
  const line = table.line({ outcome: 'failed', name: 'preflight', summary: 'said \u001b[2J' })
  assert.ok(!line.includes('\u001b[2J'))
})
