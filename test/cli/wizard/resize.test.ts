/** A window that gets another size in the middle: what is asked is drawn anew, and what was typed is not lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leftOut } from '../../support/extent.ts'
import { Console, ctrlC, ctrlZ, down, enter, type Size } from '../../support/pty.ts'
import { password, Sandbox, socketOfRun } from '../../support/sandbox.ts'
import { readScreenText } from '../../support/screen.ts'

const usual: Size = { columns: 80, rows: 24 }
const small: Size = { columns: 60, rows: 20 }
const large: Size = { columns: 100, rows: 30 }
const narrow: Size = { columns: 40, rows: 20 }
const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
const longSocket = `/a/long/path${'/to/a/folder'.repeat(4)}/nosuch.sock`

async function shownBy(person: Console): Promise<string> {
  await person.quiet()
  return readScreenText(person.shown, usual)
}

/** How often a text is on the screen, wherever its line is broken. */
function count(screen: string, text: string): number {
  const whole = (part: string) => part.replaceAll(/\s/g, '')
  return whole(screen).split(whole(text)).length - 1
}

test('in the middle of a question: each prompt stands there once, with what was typed so far', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('mysql')
  const name = sandbox.flags[sandbox.flags.indexOf('--db-name') + 1] ?? ''
  await using person = new Console(['--root', sandbox.root, '--db-socket', socketOfRun()], env, undefined, usual)
  await person.answer(/Name of the database/, `${name}x`)
  await person.resize(small)
  person.type('yz')
  await person.resize(large)
  person.type('\b\b\b')
  await person.resize(usual)
  assert.equal(count(await shownBy(person), 'Name of the database'), 1, await shownBy(person))
  person.type(enter)
  // An answer that was refused is there still, with the reason.
  await person.answer(/Database user/, `bad\u007f\u007f\u007f${enter}`)
  await person.answer(/an answer is needed/, name)
  await person.resize(small)
  person.type(enter)
  await person.answer(/Password/, password.slice(0, 4))
  await person.resize(usual)
  assert.equal(count(await shownBy(person), 'Password (empty for none): ****'), 1, await shownBy(person))
  person.type(`${password.slice(4)}${enter}`)
  // The connection worked: name, user and password are what was typed.
  await person.answer(/Account of the service/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
  const screen = await shownBy(person)
  for (const text of [`Name of the database: ${name}`, `Database user: ${name}`, 'Account of'])
    assert.equal(count(screen, text), 1, screen)
  assert.ok(!person.raw.includes(password.slice(0, 4)))
})

test('in the middle of the review: no row is there twice, and the chosen one stays chosen', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const args = ['--root', sandbox.root, '--db-socket', longSocket, '--db-user', 'ossim']
  await using person = new Console(args, env, undefined, usual)
  await person.answer(/Name of the database/, enter)
  await person.answer(/Password/, enter)
  await person.answer(/What now\?/, down.repeat(2))
  for (const size of [small, large, narrow, small, usual]) {
    await person.resize(size)
    const screen = await shownBy(person)
    assert.equal(count(screen, '> Change its name'), 1, screen)
    for (const row of ['What now?', 'Try again', 'Change server', 'Change its name', 'Change user', 'Stop here'])
      assert.equal(count(screen, row), 1, `${row} at ${size.columns}:\n${screen}`)
    assert.equal(count(screen, 'there is no such socket'), 1, screen)
  }
  person.type(enter)
  await person.answer(/Name of the database: \(alienvault/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
})

test('whoever comes back from Ctrl-Z finds what was typed', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using person = new Console(['--root', sandbox.root, '--store', 'sqlite'])
  await person.answer(/Account of the service/, `0:${ctrlZ}`)
  // No shell keeps jobs here, so nothing stops; coming back is told as a shell tells it.
  await person.resize(usual)
  process.kill(person.programPid, 'SIGCONT')
  await person.answer(/Account of the service: 0:$/, `0${enter}`)
  await person.until(/owner +0:0 +\(your answer\)/)
  await person.answer(/Stop here/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
})
