/** The picture of the README is what the program shows. `UPDATE_SCREENS=1` draws it anew. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { drawPicture } from './picture.ts'

const file = 'docs/first-run.svg'
process.env.TMPDIR = '/tmp'

const needsRoot = { skip: process.getuid?.() !== 0 && 'this is a screen of root' }

test('the picture of the README shows a first run as it is', needsRoot, async () => {
  const drawn = await drawPicture()
  if (process.env.UPDATE_SCREENS === '1') writeFileSync(file, drawn)
  assert.equal(readFileSync(file, 'utf8'), drawn, 'UPDATE_SCREENS=1 npm test -- test/screens')
})
