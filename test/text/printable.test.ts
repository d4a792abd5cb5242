/** What gets through the gate of every output. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { foreignText, unprintable as listed, printable, quotedForeignText } from '../../src/text/printable.ts'
import { keyA } from '../support/sandbox.ts'

const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

test('whatever comes in, no control character and no key comes out', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 300 })
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const raw = `${one}${keyA}${other}`
      assert.doesNotMatch(printable(raw).replace(/[\n\t]/g, ''), unprintable)
      assert.doesNotMatch(foreignText(raw), unprintable)
      assert.doesNotMatch(quotedForeignText(raw), unprintable)
      for (const shown of [printable(raw), foreignText(raw), quotedForeignText(raw)]) assert.ok(!shown.includes(keyA))
      assert.ok(foreignText(raw).length <= 203)
    }),
  )
})

test('every character that Unicode calls a control, a format, a separator of lines or not to be seen is hidden, and no other', () => {
  const byUnicode = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u
  for (let point = 0; point <= 0x10ffff; point += 1) {
    const character = String.fromCodePoint(point)
    if (listed.test(character) !== byUnicode.test(character)) assert.fail(`U+${point.toString(16)}`)
  }
})

test('a JSON document stays valid and says the same, except for a key', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
      assert.deepEqual(JSON.parse(printable(json)), JSON.parse(json))
    }),
  )
})

test('plain text in any language comes out as it went in', () => {
  const text = 'Passwort geändert: ключ, 鍵\n\tzweite Zeile'
  assert.equal(printable(text), text)
})

test("a stranger's text is one line, and what it calls a password is hidden", () => {
  assert.equal(foreignText('  a\n\tb  '), 'a b')
  assert.equal(foreignText('using db_password: hunter2 now'), 'using db_password: [hidden] now')
  assert.equal(foreignText('api-token="x y" z'), 'api-token=[hidden] z')
  assert.ok(!foreignText(`${' '.repeat(770)}${keyA}`).includes(keyA.slice(0, 8)))
  assert.equal(printable('a\u00ad\ufe0f\u3164b'), 'a\\u00ad\\ufe0f\\u3164b')
  assert.equal(quotedForeignText('a"\u001b\\'), '"a\\"\\u001b\\\\"')
})
