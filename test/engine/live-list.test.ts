/** A window that gets another size while the tasks run. */
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Console, type Size } from '../support/pty.ts'
import { readScreenText } from '../support/screen.ts'
import { until } from '../support/until.ts'

const usual: Size = { columns: 80, rows: 24 }
const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
const program = fileURLToPath(new URL('held-list.ts', import.meta.url))

test('the live list has each task once, and is as wide as the window is now', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'held-'))
  const file = join(folder.path, 'held')
  await using person = new Console([file], env, [process.execPath, program], usual)
  const shown = () => readScreenText(person.shown, usual)
  /** What was drawn before is read before: a terminal that draws meanwhile has no right order. */
  const resize = async (size: Size) => {
    process.kill(person.programPid, 'SIGUSR1')
    await until(() => existsSync(file))
    await person.resize(size)
    rmSync(file)
  }
  const goOn = async (next: RegExp) => {
    process.kill(person.programPid, 'SIGUSR2')
    await person.until(next)
  }
  await person.until(/running +first/)
  await resize({ columns: 60, rows: 20 })
  await goOn(/running +second/)
  await resize({ columns: 100, rows: 30 })
  await goOn(/running +third/)
  await resize({ columns: 60, rows: 20 })
  await goOn(/running +fourth/)
  process.kill(person.programPid, 'SIGUSR2')
  assert.equal(await person.ended(), 0, person.text)
  const found = [
    'what was found here is told in a',
    'sentence that is longer than a line of',
    'the smaller window',
  ].join(`\n${' '.repeat(20)}`)
  const lines = ['first ', 'second', 'third ', 'fourth'].map((name) => `✔ ok        ${name}  ${found}\n`)
  assert.equal(await shown(), `${lines.join('')}ok=4  changed=0  skipped=0  failed=0\nNothing was changed.\n`)
})
