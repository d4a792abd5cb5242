/** The row of superseded keys, as others may have left it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Key } from '../../src/key/key.ts'
import { supersededKeys, withSuperseded } from '../../src/key/superseded.ts'

const [first, second, third] = [keyOf(1), keyOf(2), keyOf(3)]

function keyOf(number: number): Key {
  const key = Key.parse(`00000000-0000-0000-0000-${String(number).padStart(12, '0')}`)
  assert.ok(key)
  return key
}

function namesOf(row: string, current: Key): string[] {
  return supersededKeys(Buffer.from(row), current).map((key) => key.fingerprint)
}

test('lines that somebody without the key has written hide no older key', () => {
  const row = withSuperseded(undefined, first, second)
  const planted = `${row}\n${'AB'.repeat(48)}\nno line at all`
  assert.deepEqual(namesOf(planted, second), [first.fingerprint])
  const next = withSuperseded(Buffer.from(planted), second, third)
  assert.deepEqual(namesOf(`${next}\n${'00'.repeat(48)}`, third), [second.fingerprint, first.fingerprint])
})

test('a row that is full of other text still has room for the next key', () => {
  for (const garbage of ['x'.repeat(65_535), 'y\n'.repeat(32_767), `${'AB'.repeat(48)}\n`.repeat(675)]) {
    const row = withSuperseded(Buffer.from(garbage), first, second)
    assert.ok(row.length < 65_535, String(row.length))
    assert.deepEqual(namesOf(row, second), [first.fingerprint])
  }
})
