/** Code that both programs share has one hint for both: what it names is an option of the program that shows it, or told as the other's. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import type { Options } from '../../src/cli/option.ts'
import { daemonOptions, setupOptions } from '../../src/cli/options.ts'
import { reportError } from '../../src/cli/report-error.ts'
import { KnownError } from '../../src/errors.ts'
import type { ProgramName } from '../../src/product/own-program.ts'
import { daemonVerb, provisioned } from '../support/daemon.ts'
import { someOf } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { run } from '../support/programs.ts'
import { keyB, Sandbox } from '../support/sandbox.ts'

const programs: Record<ProgramName, Options> = { frameworkd: daemonOptions, 'frameworkd-setup': setupOptions }
const everyFlag = new Set(Object.values(programs).flatMap((options) => Object.keys(options)))

function hintIn(stderr: string): string {
  return /^hint: (.*)$/m.exec(stderr)?.[1] ?? assert.fail(`no hint: ${stderr}`)
}

function assertNamesOwnFlags(program: ProgramName, hint: string): void {
  const other = program === 'frameworkd' ? 'frameworkd-setup' : 'frameworkd'
  const namesOther = hint.split(/[^\w-]+/).includes(other)
  for (const [flag] of hint.matchAll(/--[a-z][a-z-]*/g)) {
    if (Object.hasOwn(programs[program], flag.slice(2))) continue
    assert.ok(namesOther, `${program} has no ${flag}: ${hint}`)
  }
}

/** A command without the tree would act on the machine itself. */
function assertNamesTree({ root }: Sandbox, hint: string): void {
  for (const [command] of hint.matchAll(/(?<![\w-])frameworkd(-setup)?(?![\w-]| has|\))[^,;:)]*/g))
    assert.ok(command.includes(` --root ${root}`), `${command}: ${hint}`)
}

function shown(program: ProgramName, hint: string): string {
  let text = ''
  reportError(program, new KnownError('configuration', 'something is wrong', hint), { write: (part) => (text += part) })
  return hintIn(text)
}

test('a hint that names an option of the other program says so, for every option', () => {
  for (const program of ['frameworkd', 'frameworkd-setup'] as const) {
    for (const flag of everyFlag) {
      const hint = shown(program, `name another with --${flag}: it helps`)
      assertNamesOwnFlags(program, hint)
      assert.equal(hint.includes('an option of'), !Object.hasOwn(programs[program], flag), hint)
      assert.equal(shown(program, `run frameworkd-setup --${flag}, or frameworkd ${flag}`).includes(' of '), false)
    }
  }
  assert.match(shown('frameworkd', 'check --db-host and --db-port'), / \(options of frameworkd-setup\)$/)
  assert.match(shown('frameworkd-setup', 'choose another with --port'), / \(an option of frameworkd\)$/)
  assert.equal(shown('frameworkd', 'mount -o bind --make-private /a'), 'mount -o bind --make-private /a')
})

const ini = '/etc/frameworkd/frameworkd.ini'
const ossimConf = '/etc/ossim/framework/ossim.conf'

function replaceIn(sandbox: Sandbox, name: string, value: string | number): void {
  sandbox.write(ossimConf, sandbox.read(ossimConf).replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`))
}

const obstacles: Record<string, (sandbox: Sandbox) => unknown> = {
  'no store': (sandbox) => {
    sandbox.write(ini, '')
    rmSync(sandbox.path(ossimConf))
  },
  'no user': (sandbox) => sandbox.write(ossimConf, 'ossim_host=127.0.0.1\n'),
  'an unknown owner': (sandbox) => sandbox.write(ini, `${sandbox.read(ini)}owner = nosuch\n`),
  'an owner without a group': (sandbox) => sandbox.write(ini, `${sandbox.read(ini)}owner = 4711\n`),
  'nobody listens': async (sandbox) => replaceIn(sandbox, 'ossim_port', await freePort()),
  'an unknown host': (sandbox) => replaceIn(sandbox, 'ossim_host', 'nosuch.invalid'),
  'an unknown database': (sandbox) => replaceIn(sandbox, 'ossim_base', 'nosuch'),
  'a wrong password': (sandbox) => replaceIn(sandbox, 'ossim_pass', 'wrong'),
  'no table': (sandbox) => sandbox.sql('DROP TABLE config'),
  'no CA': (sandbox) => sandbox.write(ini, `${sandbox.read(ini)}db-ssl-mode = verify-ca\n`),
  'a CA that is not there': (sandbox) => sandbox.write(ini, `${sandbox.read(ini)}db-ssl-ca = /nosuch.pem\n`),
  'no socket': (sandbox) => sandbox.write(ini, `${sandbox.read(ini)}db-socket = /nosuch.sock\n`),
  'another key': (sandbox) => sandbox.setRow('encryption_key', keyB),
  'no key': (sandbox) => sandbox.setRow('encryption_key', ''),
}

for (const [what, spoil] of someOf(Object.entries(obstacles), 3)) {
  test(`frameworkd names its own options, and both programs the tree that was worked on: ${what}`, async () => {
    await using sandbox = await provisioned('mysql')
    await spoil(sandbox)
    const { code, stderr } = await daemonVerb(sandbox, 'verify')
    assert.notEqual(code, 0)
    assertNamesOwnFlags('frameworkd', hintIn(stderr))
    assertNamesTree(sandbox, hintIn(stderr))
    const ofSetup = await run('frameworkd-setup', ['--non-interactive', '--root', sandbox.root])
    for (const [, hint = ''] of ofSetup.stderr.matchAll(/^hint: (.*)$/gm)) assertNamesTree(sandbox, hint)
  })
}

test('a part of a name leads to the name', async () => {
  const parts: [args: string[], meant: string][] = [
    [['--host', 'db'], '--db-host'],
    [['--user', 'ossim'], '--db-user'],
    [['--password', 'x'], '--db-password-file'],
  ]
  for (const [args, meant] of someOf(parts, 1)) {
    const { code, stderr } = await run('frameworkd-setup', args)
    assert.equal(code, 2)
    assert.ok(stderr.includes(`did you mean ${meant}?`), stderr)
  }
})

test('a run that has waited for the database is not told to wait for it', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const nobody = [...sandbox.flags, '--db-port', String(await freePort()), '--non-interactive', '--root', sandbox.root]
  assert.match(hintIn((await run('frameworkd-setup', nobody)).stderr), /--wait-for-db/)
  const waited = await run('frameworkd-setup', [...nobody, '--wait-for-db', '1'])
  assert.equal(waited.code, 75)
  assert.doesNotMatch(hintIn(waited.stderr), /--wait-for-db/)
})

test('a damaged key file is called damaged, and not missing', async () => {
  await using sandbox = await provisioned('sqlite')
  sandbox.write('/etc/ossim/framework/db_encryption_key', '[key-value]\nkey=nonsense\n', 0o400)
  const { code, stderr } = await daemonVerb(sandbox, 'verify')
  assert.equal(code, 3)
  assert.match(
    stderr,
    /key file \S+ is damaged: .*\nhint: run frameworkd-setup --root \S+, which keeps the damaged file/,
  )
})
