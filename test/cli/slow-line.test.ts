/** A database that takes connections and says nothing: whoever waits for it is told. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { provisioned } from '../support/daemon.ts'
import { someOf } from '../support/extent.ts'
import { ended, type Program, programFile, start } from '../support/programs.ts'
import { Console } from '../support/pty.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { readScreenText } from '../support/screen.ts'

const size = { columns: 80, rows: 24 }
const waits = /waiting for database \S+ on 127\.0\.0\.1:\d+ \.\.\./
const conf = '/etc/ossim/framework/ossim.conf'

const sockets = new Set<Socket>()
const silent = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => {}).on('close', () => sockets.delete(socket))
})
let sandbox: Sandbox

before(async () => {
  sandbox = await provisioned('mysql')
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const { port } = silent.address() as AddressInfo
  sandbox.write(conf, sandbox.read(conf).replace(/^ossim_port=.*$/m, `ossim_port=${port}`))
  sandbox.write('/passphrase', 'correct horse battery staple\n', 0o600)
})
after(async () => {
  silent.close()
  await sandbox[Symbol.asyncDispose]()
})

/** It has been silent long enough: the connections are lost. */
function hangUp(): void {
  for (const socket of sockets) socket.destroy()
}

const verbs: readonly (readonly [program: Program, ...args: string[]])[] = [
  ['frameworkd-setup', 'config'],
  ['frameworkd-setup', 'check', '--non-interactive'],
  ['frameworkd-setup', '--check'],
  ['frameworkd-setup', 'seal', '--check'],
  ['frameworkd-setup', 'uninstall', '--purge', '--check'],
  ['frameworkd-setup', 'key', 'export', '--to', '/key.age', '--passphrase-file', '/passphrase'],
  ['frameworkd', 'verify'],
]

for (const [program, ...args] of someOf(verbs, 3)) {
  const words = () => [
    ...args.map((word) => (word.startsWith('/') ? sandbox.path(word) : word)),
    '--root',
    sandbox.root,
  ]
  const name = [program, ...args.slice(0, 2)].join(' ')

  test(`${name}: a line at a terminal, which is gone at the end`, async () => {
    // Ten lines are no room for a live list, which would show that something goes on.
    const low = { ...size, rows: 10 }
    const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
    await using person = new Console(words(), env, [process.execPath, programFile(program)], low)
    await person.until(waits)
    hangUp()
    await person.ended()
    assert.doesNotMatch(await readScreenText(person.raw, low), /waiting for/)
  })

  test(`${name}: one plain line elsewhere, and the work goes on`, async () => {
    const child = start(program, words())
    let said = ''
    child.stderr?.on('data', (data) => {
      said += data
      if (waits.test(said)) hangUp()
    })
    const { stderr } = await ended(child)
    assert.equal(stderr.match(new RegExp(`^${program}: ${waits.source}$`, 'gm'))?.length, 1, stderr)
  })
}

test('where a document is asked for nothing is said meanwhile', async () => {
  const runs = [
    start('frameworkd-setup', ['config', '--output', 'json', '--root', sandbox.root]),
    start('frameworkd', ['verify', '--json', '--root', sandbox.root]),
  ]
  for (const { stdout, stderr } of await Promise.all(runs.map((child) => ended(child)))) {
    assert.equal(typeof JSON.parse(stdout), 'object')
    assert.doesNotMatch(stderr, /waiting for/)
  }
})

test('the live list shows that something goes on, and no line is drawn into it', async () => {
  const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
  const tall = { ...size, rows: 40 }
  await using person = new Console(['check', '--root', sandbox.root, '--non-interactive'], env, undefined, tall)
  assert.equal(await person.ended(), 75, person.text)
  assert.match(person.text, /running +database/)
  assert.doesNotMatch(person.text, /waiting for/)
})
