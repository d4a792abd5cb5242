/** What a stored value is, where several keys, or chance, have something to say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aesDecrypt, aesEncrypt } from '../../src/key/aes.ts'
import { valueClassifier } from '../../src/key/classify-value.ts'
import { isText } from '../../src/key/encrypted-values.ts'
import { Key } from '../../src/key/key.ts'

const right = keyOf(0)
const plainText = 'sixteen letters.'

function keyOf(number: number): Key {
  const key = Key.parse(`00000000-0000-0000-0000-${String(number).padStart(12, '0')}`)
  assert.ok(key)
  return key
}

/** A key that is not the value's, and gives letters of it all the same. */
function luckyKey(value: Uint8Array): Key {
  for (let number = 1; ; number += 1) {
    const text = aesDecrypt(value, keyOf(number).reveal())
    if (text && isText(text)) return keyOf(number)
  }
}

test('a value is of the key that gives UTF-8, whichever is tried first', () => {
  const value = aesEncrypt('a password', right.reveal())
  const state = valueClassifier([luckyKey(value), right])(value)
  assert.ok(state.kind === 'encrypted' && state.key.equals(right))
})

test('a plain text stays one where a key gives letters by chance', () => {
  const value = Buffer.from(plainText)
  assert.equal(valueClassifier([luckyKey(value)])(value).kind, 'plain')
})

test('text in latin1 and empty text are found, and without a key nothing is', () => {
  for (const text of [Buffer.from('Gr\u00fc\u00dfe', 'latin1'), Buffer.alloc(0)]) {
    const value = aesEncrypt(text, right.reveal())
    const state = valueClassifier([right])(value)
    assert.deepEqual(state.kind === 'encrypted' && Buffer.from(state.text), text)
  }
  assert.equal(valueClassifier([])(aesEncrypt('a password', right.reveal())).kind, 'undecryptable')
})
