/** A person can stop at each question, in either way, and nothing was changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { someOf } from '../../support/extent.ts'
import { Console, ctrlC, ctrlD, down, enter } from '../../support/pty.ts'
import { Sandbox } from '../../support/sandbox.ts'

type Step = readonly [question: RegExp, answer: string]

const toServer: Step[] = [
  [/Where is OSSIM/, enter],
  [/Database server/, `/nosuch.sock${enter}`],
  [/Name of the database/, enter],
  [/Database user/, `ossim${enter}`],
  [/Password/, `secret${enter}`],
  [/What now\?/, enter],
]
const toEmbedded: Step[] = [
  [/Where is OSSIM/, `${down}${enter}`],
  [/Account of the service/, enter],
  [/Review these values/, enter],
  [/Make these changes\?/, enter],
]
const keys = { 'Ctrl-C': ctrlC, 'Ctrl-D': ctrlD }
const every = [toServer, toEmbedded].flatMap((steps) =>
  steps.flatMap(([question], index) =>
    Object.entries(keys).map(([name, key]) => ({ question, name, key, before: steps.slice(0, index) })),
  ),
)

for (const { question, name, key, before } of someOf(every, 5)) {
  test(`${name} at ${question} ends with 130, one line, and nothing changed`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    const tree = sandbox.tree()
    await using person = new Console(['--root', sandbox.root])
    for (const [asked, answer] of before) await person.answer(asked, answer)
    await person.answer(question, key)
    assert.equal(await person.ended(), 130, person.text)
    assert.match(person.text, /\nframeworkd-setup: stopped, nothing was changed\n$/)
    assert.equal(sandbox.tree(), tree)
  })
}
