import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looksOf } from '../../../src/host/output/looks.ts'

const full = { TERM: 'xterm-256color', LANG: 'de_DE.UTF-8' }
const plain = { color: false, unicode: false }

test('colours and marks beyond ASCII are for a terminal and a locale that surely have them', () => {
  assert.deepEqual(looksOf(full), { color: true, unicode: true })
  assert.deepEqual(looksOf({ ...full, NO_COLOR: '1' }), { color: false, unicode: true })
  assert.deepEqual(looksOf({ ...full, TERM: 'linux' }), { color: true, unicode: false })
  for (const TERM of ['dumb', 'vt100', 'vt220', 'vt102-w', 'ansi', 'unknown', '']) {
    assert.deepEqual(looksOf({ ...full, TERM }), plain, TERM)
  }
  for (const locale of [{ LANG: 'C' }, { LANG: '' }, { LC_ALL: 'POSIX' }, { LC_CTYPE: 'de_DE.ISO-8859-1' }]) {
    assert.deepEqual(looksOf({ ...full, ...locale }), plain, JSON.stringify(locale))
  }
  assert.deepEqual(looksOf({ TERM: 'xterm', LANG: 'C', LC_ALL: 'C.utf8' }), { color: true, unicode: true })
})
