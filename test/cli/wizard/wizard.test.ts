import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { sealWithPassphraseQuickly } from '../../support/age.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { run, start } from '../../support/programs.ts'
import { Console, ctrlC, ctrlD, ctrlZ, down, enter } from '../../support/pty.ts'
import { keyA, keyB, keyFileText, keyPath, password, Sandbox, socketOfRun } from '../../support/sandbox.ts'
import { until } from '../../support/until.ts'

/** The name of the test's database, which is also its user's. */
function nameOf(sandbox: Sandbox): string {
  return sandbox.flags[sandbox.flags.indexOf('--db-name') + 1] ?? ''
}

/** Answers up to the password, on a root where nothing is configured. */
async function answerConnection(person: Console, sandbox: Sandbox, typedPassword = password): Promise<void> {
  await person.answer(/Where is OSSIM's database\?/, enter)
  await person.answer(/Database server .*\(127\.0\.0\.1, default\)/, `${socketOfRun()}${enter}`)
  await person.answer(/Name of the database: \(alienvault, default\)/, `${nameOf(sandbox)}${enter}`)
  await person.answer(/Database user:/, `${nameOf(sandbox)}${enter}`)
  await person.answer(/Password/, `${typedPassword}${enter}`)
}

test('a first boot at a console: questions, review, plan, one confirmation, recap; the second asks nothing', async () => {
  await using sandbox = await Sandbox.create('mysql')
  await using person = new Console(['--root', sandbox.root])
  await answerConnection(person, sandbox)
  await person.answer(/Account of the service: \(www-data, default\)/, enter)
  await person.until(/Review these values/)
  await person.until(/server +\S+socket +\(your answer\)/)
  await person.until(/password +\[hidden\]/)
  await person.answer(/owner +www-data/, enter)
  await person.until(/pending +encryption-key/)
  assert.equal(existsSync(sandbox.path(keyPath)), false, 'nothing is changed before the confirmation')
  await person.answer(/Make these changes\? \(y\/N\)/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.match(person.text, /changed=4/)
  assert.match(person.text, /key +[0-9a-f]{8} \(fingerprint\), from random/)
  assert.match(person.text, /backup +frameworkd-setup\s+key\s+export\s+--root\s+\S+\s+--to\s+FILE/)
  assert.match(person.text, /next +frameworkd-setup check --root \S+/)
  assert.doesNotMatch(person.text, /next +.*frameworkd status/, 'nothing runs below a root')
  assert.ok(!person.raw.includes('pa;ss'), 'the password was shown')
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
  assert.ok(sandbox.read('/etc/ossim/framework/ossim.conf').includes(`ossim_pass=${password}\n`))

  // What is kept below a root is of that root; the socket of this machine is named again.
  await using again = new Console(['--root', sandbox.root], { FRAMEWORKD_DB_SOCKET: socketOfRun() })
  assert.equal(await again.ended(), 0, again.text)
  assert.doesNotMatch(again.text, /\?/)
  assert.match(again.text, /changed=0/)
})

test('answers are checked at once, and any of them can be changed in the review', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('mysql')
  await using person = new Console(['--root', sandbox.root])
  await person.answer(/Where is OSSIM's database\?/, enter)
  await person.answer(/Database server/, enter)
  await person.answer(/Its port: \(3306, default\)/, `nope${enter}`)
  await person.answer(/"nope" is not a port/, `\b\b\b\b${process.env.TEST_MARIADB_PORT}${enter}`)
  await person.answer(/Name of the database/, `${nameOf(sandbox)}${enter}`)
  await person.answer(/Database user/, `${nameOf(sandbox)}${enter}`)
  await person.answer(/Password/, `wrong${enter}`)
  await person.until(/it refuses the account or its password\nhint: /)
  await person.answer(/> Change password/, enter)
  await person.answer(/Password/, `${password}${enter}`)
  await person.answer(/Account of the service/, `nobody-here${enter}`)
  await person.answer(/account nobody-here is not in/, `${'\b'.repeat(11)}www-data${enter}`)
  await person.answer(/Review these values/, `${down.repeat(9)}${enter}`)
  await person.answer(/Where does a new key come from\?/, `${down}${down}${enter}`)
  await person.answer(/a new key from +a random one +\(your answer\)/, enter)
  await person.answer(/Make these changes\? \(y\/N\)/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.match(sandbox.read('/etc/frameworkd/frameworkd.ini'), /^key-source=random$/m)
})

test('only what no other source gave is asked, and --yes asks nothing that has a default', async () => {
  await using sandbox = await Sandbox.create('mysql')
  await using person = new Console(['--root', sandbox.root, ...sandbox.flags])
  await person.answer(/Account of the service/, enter)
  await person.answer(/Review these values/, enter)
  await person.answer(/Make these changes\? \(y\/N\)/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.doesNotMatch(person.text, /Database server|Database user:|Password/)
  await using other = await Sandbox.create('sqlite')
  await using quick = new Console(['--yes', '--root', other.root, ...other.flags])
  assert.equal(await quick.ended(), 0, quick.text)
  assert.match(quick.text, /owner +www-data +\(default\)/)
  assert.match(other.keyInFile() ?? '', /^[0-9A-F-]{36}$/)
})

test('a key conflict is decided by the person, never by --yes', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyB)
  const before = sandbox.tree()
  await using quick = new Console(['--yes', '--root', sandbox.root, ...sandbox.flags])
  assert.equal(await quick.ended(), 3, quick.text)
  assert.equal(sandbox.tree(), before)

  await using person = new Console(['--root', sandbox.root, ...sandbox.flags, '--owner', 'www-data'])
  await person.answer(/Review these values/, enter)
  await person.until(/file and row hold different keys/)
  await person.answer(/What now\?/, `${down}${down}${enter}`)
  await person.answer(/Review these values/, enter)
  await person.answer(/Make these changes\? \(y\/N\)/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.equal(await sandbox.keyInRow(), keyA)
})

test('a lost key is restored from a sealed backup, and a wrong passphrase is told and asked again', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyA)
  await sandbox.addEncrypted(keyA)
  const backup = sandbox.path('/operator/key.age')
  await sealWithPassphraseQuickly(keyFileText(keyA), 'right one', backup)
  rmSync(sandbox.path(keyPath))
  await sandbox.setRow('encryption_key', '')

  await using person = new Console(['--root', sandbox.root, ...sandbox.flags, '--owner', 'www-data'])
  await person.answer(/Review these values/, enter)
  await person.until(/the key is lost/)
  const restore = `${down.repeat(3)}${enter}`
  await person.answer(/What now\?/, restore)
  await person.answer(/File of the sealed backup:/, `${backup}${enter}`)
  await person.answer(/Its passphrase:/, `wrong one${enter}`)
  await person.answer(/Review these values/, enter)
  await person.answer(/What now\?/, restore)
  await person.answer(/File of the sealed backup:/, `${backup}${enter}`)
  await person.answer(/Its passphrase:/, `right one${enter}`)
  await person.answer(/Review these values/, enter)
  await person.answer(/Make these changes\? \(y\/N\)/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [keyA, keyA])
  assert.doesNotMatch(person.text, /right one|wrong one/)
})

const stops: [name: string, steps: RegExp[]][] = [
  ['the first question', []],
  ['the review', [/Where is OSSIM's database\?/, /Account of the service/]],
  ['the confirmation', [/Where is OSSIM's database\?/, /Account of the service/, /Review these values/]],
]
const stopQuestions = [/Where is OSSIM's database\?/, /Review these values/, /Make these changes\?/]

for (const [index, [name, steps]] of someOf([...stops.entries()], 1)) {
  test(`Ctrl-C at ${name}: one line, nothing changed, 130`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    const before = sandbox.tree()
    await using person = new Console(['--root', sandbox.root])
    for (const [at, step] of steps.entries()) await person.answer(step, at === 0 ? `${down}${enter}` : enter)
    await person.answer(stopQuestions[index] ?? /$/, ctrlC)
    assert.equal(await person.ended(), 130, person.text)
    assert.match(person.text, /\nframeworkd-setup: stopped, nothing was changed\n$/)
    assert.equal(sandbox.tree(), before)
  })
}

for (const term of someOf(['vt220', 'dumb'], 1)) {
  test(`Ctrl-D ends the wizard as Ctrl-C does, on ${term}`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    const before = sandbox.tree()
    await using person = new Console(['--root', sandbox.root, '--store', 'sqlite'], { TERM: term })
    await person.answer(/Account of the service/, ctrlD)
    assert.equal(await person.ended(), 130, person.text)
    assert.match(person.text, /\nframeworkd-setup: stopped, nothing was changed\n$/)
    assert.equal(sandbox.tree(), before)
  })
}

test('whoever comes back from Ctrl-Z finds the question drawn anew, and answers it', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using person = new Console(['--root', sandbox.root])
  await person.answer(/Where is OSSIM's database\?/, ctrlZ)
  // No shell keeps jobs here, so nothing stops; coming back is told as a shell tells it.
  const pid = person.programPid
  await until(() => takesLines(pid))
  process.kill(pid, 'SIGCONT')
  await person.answer(/Where is OSSIM's database\?/, `${down}${enter}`)
  await person.answer(/Account of the service/, ctrlD)
  assert.equal(await person.ended(), 130, person.text)
})

test('without colour nothing is coloured, and a dumb terminal gets no escape at all', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const color = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`)
  await using plain = new Console(['--root', sandbox.root], { NO_COLOR: '1' })
  await plain.answer(/Where is OSSIM's database\?/, ctrlC)
  await plain.ended()
  assert.doesNotMatch(plain.raw, color)
  await using dumb = new Console(['--root', sandbox.root], { TERM: 'dumb' })
  await dumb.answer(/number \(1\) /, '9\n')
  await dumb.answer(/a number from 1 to 2 is needed/, '2\n')
  await dumb.answer(/Account of the service/, '\n')
  await dumb.answer(/number \(1\) /, '\n')
  await dumb.answer(/Make these changes\? \(y\/N\)/, 'y\n')
  assert.equal(await dumb.ended(), 0, dumb.text)
  assert.ok(!dumb.raw.includes('\u001b'), dumb.raw)
})

test('a dumb terminal hides the password too', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('mysql')
  await using person = new Console(['--root', sandbox.root, ...sandbox.flags.slice(0, -2)], { TERM: 'dumb' })
  await person.answer(/Password \(empty for none\): /, `forgotten\u0015\u001ax\u007f${password}\r`)
  await person.answer(/Account of the service/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
  assert.ok(!person.raw.includes('pa;ss'))
})

test('a terminal that vanishes ends the wizard, and nothing is changed', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const before = sandbox.tree()
  await using person = new Console(['--root', sandbox.root])
  await person.until(/Where is OSSIM's database\?/)
  const pid = person.programPid
  person.hangUp()
  await until(() => !existsSync(`/proc/${pid}/exe`))
  assert.equal(sandbox.tree(), before)
})

test('without a terminal it never asks: it names the flags, and only where something is missing', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const missing = start('frameworkd-setup', ['--root', sandbox.root])
  missing.stdin?.end()
  const code = await new Promise((resolve) => missing.once('close', resolve))
  assert.equal(code, 2)
  assert.equal((await run('frameworkd-setup', ['--root', sandbox.root, '--store', 'sqlite'], { input: 'x\n' })).code, 0)
  assert.match((await run('frameworkd-setup', ['--root', sandbox.root, '--step'])).stderr, /--step needs a terminal/)
})

test('--step asks before each task', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup(['--tags', 'settings'])).code, 0)
  await using person = new Console(['--check', '--step', '--root', sandbox.root])
  await person.answer(/Run task settings \(.*\)\? \(N\)o\/\(y\)es\/\(c\)ontinue/, `y${enter}`)
  await person.answer(/Run task database \(.*\)\?/, enter)
  await person.answer(/Run task encryption-key \(.*\)\?/, `c${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.match(person.text, /skipped +database +left out/)
  assert.match(person.text, /pending +directories/)
})

test('--step that is stopped says what is true: earlier tasks have run', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup(['--tags', 'settings'])).code, 0)
  await using person = new Console(['--step', '--yes', '--root', sandbox.root])
  await person.answer(/Run task settings .*\?/, `y${enter}`)
  await person.answer(/Run task database .*\?/, ctrlC)
  assert.equal(await person.ended(), 130, person.text)
  assert.match(person.text, /stopped before this task\nhint: run it again: it continues from here\n$/)
})

/** Whether the terminal of a process takes whole lines, as it does when nobody asks: before, after, and from Ctrl-Z on. */
function takesLines(pid: number): boolean {
  return /(^|\s)icanon\b/m.test(execFileSync('stty', ['-F', `/proc/${pid}/fd/0`, '-a'], { encoding: 'utf8' }))
}
