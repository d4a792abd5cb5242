/** What is pasted is one answer at most: it never answers what is asked after it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PasteFilter } from '../../../src/cli/wizard/paste.ts'
import { someOf } from '../../support/extent.ts'
import { Console, ctrlC, down, enter, marked } from '../../support/pty.ts'
import { password, Sandbox, socketOfRun } from '../../support/sandbox.ts'

const typedPaste: Record<string, [sent: string, typed: string]> = {
  'the key Esc is a key': ['\u001b', '\u001b'],
  'keys are keys': ['ab\u001b[Bc\u007f', 'ab\u001b[Bc\u007f'],
  'a line ends with Enter, and what comes with it is dropped': ['one\rtwo\rthree', 'one\r'],
  'the markers are no part of what is pasted': [marked('pasted'), 'pasted'],
  'what is typed around a paste counts': [`a${marked('b')}c`, 'abc'],
  'a line end inside a marked paste is no Enter': [marked('value\r\n'), 'value'],
  'of several marked lines the first one with a text is taken': [marked('\n\none\ny\ny\n'), 'one'],
  'keys in a marked paste are none': [marked('a\u0003b\tc\u001b[Bd'), 'abc[Bd'],
  'two marked pastes are two': [`${marked('a\nx')}${marked('b')}`, 'ab'],
  'an end without a beginning is nothing': ['a\u001b[201~b', 'ab'],
}

for (const [promise, [sent, typed]] of Object.entries(typedPaste)) {
  test(`${promise}, wherever the pieces are cut`, () => {
    assert.equal(new PasteFilter().take(sent), typed)
    // An unmarked line end in a piece of its own is followed by another question.
    if (!sent.includes('\u001b[200~')) return
    for (let at = 0; at <= sent.length; at++) {
      // That is the key Esc.
      if (sent.slice(0, at) === '\u001b') continue
      const filter = new PasteFilter()
      assert.equal(filter.take(sent.slice(0, at)) + filter.take(sent.slice(at)), typed, `cut at ${at}`)
    }
  })
}

/** The name of the test's database, which is also its user's. */
function nameOf(sandbox: Sandbox): string {
  return sandbox.flags[sandbox.flags.indexOf('--db-name') + 1] ?? ''
}

test('a marked paste is put where the cursor is, without its line end, and Enter is for the person', async () => {
  await using sandbox = await Sandbox.create('mysql')

  await using person = new Console(['--root', sandbox.root, '--db-socket', socketOfRun()])
  await person.answer(/Name of the database/, marked(`${nameOf(sandbox)}\r`))
  await person.answer(new RegExp(`Name of the database: ${nameOf(sandbox)}$`), enter)
  await person.answer(/Database user/, `${marked(`${nameOf(sandbox)}\nsecond line\ny\n`)}${enter}`)
  await person.answer(/Password/, marked(`${password}\n`))
  await person.answer(/\*{11}/, enter)
  // The password was right.
  await person.answer(/Account of the service/, marked('www-data'))
  await person.answer(/Account of the service: www-data$/, enter)
  await person.answer(/Review these values/, marked('\r\r\r'))
  await person.answer(/$/, enter)
  const before = sandbox.tree()
  await person.answer(/Make these changes\?/, marked('y\ny\n'))
  await person.answer(/Make these changes\? \(y\/N\) y$/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
  assert.equal(sandbox.tree(), before)
  assert.ok(!person.raw.includes('pa;ss'))
  assert.ok(!person.text.includes('200~') && !person.text.includes('second line'), person.text)
  // The shell that comes after is not left with a terminal that marks.
  assert.ok(person.raw.lastIndexOf('\u001b[?2004l') > person.raw.lastIndexOf('\u001b[?2004h'))
})

for (const TERM of someOf(['dumb', 'vt220'], 1)) {
  test(`of lines that are pasted without marks the first is the answer, and none consents, on ${TERM}`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    const before = sandbox.tree()
    await using person = new Console(['--root', sandbox.root, '--store', 'sqlite'], { TERM })
    await person.answer(/Account of the service/, `0:0\r${'y\r'.repeat(20)}`)
    await person.answer(/Review these values/, enter)
    // In pieces, as over a line that is slow.
    await person.answer(/Make these changes\?/, 'n')
    for (const piece of ['\r', '\r', 'y', '\r', 'y', '\r']) {
      person.type(piece)
      await sleep(5)
    }
    await person.answer(/Review these values/, ctrlC)
    assert.equal(await person.ended(), 130, person.text)
    assert.match(person.text, /owner +0:0 +\(your answer\)/)
    assert.equal(sandbox.tree(), before)
  })
}

test('a password is pasted whole on a dumb terminal, marked or not', async () => {
  await using sandbox = await Sandbox.create('mysql')
  for (const paste of [`${password}\ry\r`, `${marked(`${password}\r\ny\r`)}\r`]) {
    await using person = new Console(['--root', sandbox.root, ...sandbox.flags.slice(0, -2)], { TERM: 'dumb' })
    await person.answer(/Password \(empty for none\): /, paste)
    await person.answer(/Account of the service/, `\u001b[200~0:0\u001b[201~${enter}`)
    await person.until(/owner +0:0/)
    await person.answer(/number \(1\) /, ctrlC)
    assert.equal(await person.ended(), 130, person.text)
    assert.ok(!person.raw.includes('pa;ss'))
  }
})

test('what was typed before a question is drawn does not answer it', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using person = new Console(['--root', sandbox.root])
  person.type(`${down}${enter}${enter}${enter}y${enter}`)
  await person.answer(/Where is OSSIM/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
  assert.doesNotMatch(person.text, /Account of the service/)
})
