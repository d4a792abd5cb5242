/**
 * Every screen in every look, as a file that somebody has looked at. `UPDATE_SCREENS=1` writes them anew: look at
 * what has changed before it is committed.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { leftOut } from '../support/extent.ts'
import { looks } from './looks.ts'
import { pickerOf, screens } from './screens.ts'
import { Stage } from './stage.ts'

const notRoot = process.getuid?.() !== 0
const isUpdate = process.env.UPDATE_SCREENS === '1'
/** Paths of a root have one length everywhere, so that lines break alike. */
process.env.TMPDIR = '/tmp'
const titleOf = (name: string) => `===== ${name} =====\n`
/** What a sample compares; the rest is for TEST_EXTENT=all. */
const sampled = {
  looks: ['80x24', 'pipe'],
  screens: ['a first run', 'check, apply, status', 'two keys', 'seal and uninstall', 'mistakes'],
}

for (const [name, look] of Object.entries(looks)) {
  const file = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url))
  for (const [title, { asks, play }] of Object.entries(screens)) {
    if (asks && look.isPipe) continue
    const isSampled = sampled.looks.includes(name) && sampled.screens.includes(title)
    const skip = notRoot ? 'these are the screens of root' : !isUpdate && !isSampled && leftOut
    test(`${name}: ${title}`, { skip }, async () => {
      await using stage = await Stage.open(look)
      await play(stage, pickerOf(look))
      const shown = `${titleOf(title)}${stage.shown}`
      if (isUpdate) keep(file, title, shown)
      assert.equal(shown, sectionOf(readFileSync(file, 'utf8'), title))
    })
  }
}

/** A screen as the file has it; empty where it has none. */
function sectionOf(golden: string, title: string): string {
  const start = golden.indexOf(titleOf(title))
  if (start < 0) return ''
  const end = golden.indexOf('\n=====', start)
  return golden.slice(start, end < 0 ? undefined : end + 1)
}

/** In the place that it had, or at the end. */
function keep(file: string, title: string, shown: string): void {
  const golden = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const old = sectionOf(golden, title)
  writeFileSync(file, old === '' ? golden + shown : golden.replace(old, () => shown))
}
