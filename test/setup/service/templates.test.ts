/** What is written for other programs, judged by those programs. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import {
  accountWord,
  logrotatePath,
  monitCommand,
  monitString,
  ownText,
  shellWord,
  systemdPath,
  systemdWord,
} from '../../../src/setup/service/quote.ts'
import { renderTemplate } from '../../../src/setup/service/render-template.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { installInit, isMissing, notRoot } from '../../support/services.ts'

const units = '/etc/systemd/system'
/** As `systemd-analyze security` counts, from 0 to 10. */
const mostExposed = { 'frameworkd.service': 1.5, 'frameworkd-first-boot.service': 4 }

interface Variant {
  name: string
  kind: 'sqlite' | 'mysql'
  flags: string[]
}

const variants: Variant[] = [
  { name: 'the embedded store', kind: 'sqlite', flags: [] },
  { name: 'a server', kind: 'mysql', flags: [] },
  { name: 'a server on another machine', kind: 'mysql', flags: ['--for-image', '--db-host', 'db.example'] },
  { name: 'a socket below /tmp', kind: 'mysql', flags: ['--for-image', '--db-socket', '/tmp/mysql.sock'] },
]

for (const { name, kind, flags } of someOf(variants, 2)) {
  test(`the units for ${name} are what systemd understands, and expose little`, {
    skip: isMissing('systemd-analyze'),
  }, async () => {
    await using sandbox = await Sandbox.create(kind)
    installInit(sandbox, 'systemd')
    assert.equal((await sandbox.setup(flags)).code, 0)
    // systemd-analyze looks for the programs of units on this machine.
    for (const unit of ['frameworkd.service', 'frameworkd-first-boot.service']) {
      const path = sandbox.path(`${units}/${unit}`)
      writeFileSync(path, readFileSync(path, 'utf8').replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'))
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' })
      assert.deepEqual([verified.status, verified.stderr], [0, ''])
    }
    for (const [unit, most] of Object.entries(mostExposed)) {
      const analysed = execFileSync(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', sandbox.path(`${units}/${unit}`)],
        { encoding: 'utf8' },
      )
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(analysed)?.[1])
      assert.ok(exposure <= most, `${unit}: ${exposure}`)
    }
  })
}

test('logrotate rotates both logs as their owner, and passes by what was kept of a changed file', {
  skip: leftOut || isMissing('logrotate') || notRoot,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\n')
  sandbox.write('/etc/group', 'www-data:x:33:\n')
  rmSync(sandbox.path('/var'), { recursive: true })
  chmodSync(sandbox.root, 0o755)
  assert.equal((await sandbox.setup()).code, 0)
  writeFileSync(sandbox.path('/etc/logrotate.d/frameworkd'), 'not what logrotate understands\n')
  assert.equal((await sandbox.setup()).code, 0)
  const logs = sandbox.path('/var/log/ossim')
  const said = spawnSync('logrotate', ['--debug', sandbox.path('/etc/logrotate.d')], { encoding: 'utf8' })
  assert.equal(said.status, 0, said.stderr)
  assert.match(said.stderr, /Handling 1 logs/)
  // On the root: logrotate itself knows no other.
  const text = sandbox.read('/etc/logrotate.d/frameworkd').replaceAll('/var/log/ossim', logs)
  sandbox.write('/logrotate.conf', text.replaceAll('www-data', '33'))
  for (const name of ['frameworkd.log', 'frameworkd_error.log']) {
    writeFileSync(`${logs}/${name}`, 'line\n')
    chownSync(`${logs}/${name}`, 33, 33)
  }
  const rotated = spawnSync(
    'logrotate',
    ['--force', '--state', sandbox.path('/state'), sandbox.path('/logrotate.conf')],
    { encoding: 'utf8' },
  )
  assert.deepEqual([rotated.status, rotated.stderr], [0, ''])
  for (const name of ['frameworkd.log', 'frameworkd_error.log']) {
    assert.equal(readFileSync(`${logs}/${name}.1`, 'utf8'), 'line\n')
    assert.equal(execFileSync('stat', ['-c', '%u:%g %a %s', `${logs}/${name}`], { encoding: 'utf8' }), '33:33 644 0\n')
  }
})

test('Monit understands the check', { skip: isMissing('monit') }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path('/etc/monit/conf.d'), { recursive: true })
  installInit(sandbox, 'systemd')
  assert.equal((await sandbox.setup()).code, 0)
  const control = sandbox.path('/monitrc')
  writeFileSync(
    control,
    `set daemon 30\nset idfile ${sandbox.path('/id')}\nset statefile ${sandbox.path('/state')}\ninclude ${sandbox.path('/etc/monit/conf.d/*')}\n`,
    { mode: 0o600 },
  )
  const { status, stdout, stderr } = spawnSync('monit', ['-t', '-c', control], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /Control file syntax OK/)
})

test('the init script is one that shells and their linter accept', {
  skip: isMissing('shellcheck'),
}, async () => {
  await using sandbox = await sysvMachine()
  const script = sandbox.path('/etc/init.d/frameworkd')
  execFileSync('bash', ['-n', script])
  execFileSync('shellcheck', [script], { stdio: 'inherit' })
})

test('the init script answers with the codes of the LSB and passes its verbs on', async () => {
  await using sandbox = await sysvMachine()
  const script = sandbox.path('/etc/init.d/frameworkd')
  const runScript = (...args: string[]) => spawnSync('sh', [script, ...args], { encoding: 'utf8' })
  assert.equal(runScript('start').status, 5)
  assert.equal(runScript('status').status, 4)
  const program = sandbox.path('/usr/sbin/frameworkd')
  // A stand-in that tells what it was called with: 3 is "stopped" for status.
  sandbox.write('/usr/sbin/frameworkd', '#!/bin/sh\necho "$@"\n[ "$1" != status ] || exit 3\n', 0o755)
  writeFileSync(script, readFileSync(script, 'utf8').replaceAll('/usr/sbin/frameworkd', program))
  assert.equal(runScript('frobnicate').status, 2)
  assert.equal(runScript('status').status, 3)
  assert.equal(runScript('try-restart').stdout, '')
  assert.equal(runScript('force-reload').stdout, 'restart\n')
  for (const verb of ['start', 'stop', 'restart', 'reload']) assert.equal(runScript(verb).stdout, `${verb}\n`)
})

test("a settings file of another name is the services' too", async () => {
  await using sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'systemd')
  sandbox.write("/etc/my 100%'s.ini", 'store=sqlite\n')
  assert.equal((await sandbox.setup(['--config', "/etc/my 100%'s.ini"])).code, 0)
  assert.match(
    sandbox.read(`${units}/frameworkd.service`),
    /^ExecStart=\/usr\/sbin\/frameworkd run --config "\/etc\/my 100%%'s\.ini"$/m,
  )
})

test('a placeholder without a value and a value without a placeholder are errors that name the template', () => {
  assert.equal(renderTemplate('x', 'a {{b}} {{b}}', { b: ownText('$&') }), 'a $& $&')
  assert.throws(
    () => renderTemplate('x', '{{b}} {{c}}', { b: ownText('1') }),
    knownError(/template x has the unknown .*{{c}}/),
  )
  assert.throws(() => renderTemplate('x', '{{toString}}', {}), knownError(/unknown placeholder {{toString}}/))
  assert.throws(() => renderTemplate('x', 'a', { b: ownText('1') }), knownError(/template x has no placeholder {{b}}/))
})

test('words are quoted as systemd and shells read them', () => {
  assert.equal(systemdWord('/a/b-c'), '/a/b-c')
  assert.equal(systemdWord('/a "$b" %c\\'), '"/a \\"$$b\\" %%c\\\\"')
  assert.equal(systemdPath('/a$b'), '"/a$b"')
  const word = `/a 'b' $c "d" \\`
  assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' }), word)
})

test('what a program could take for more than a word is refused, not written', () => {
  const hostile = ['a\nb', 'a\u0000', 'a\u2028b', 'a\u202eb']
  const quotes: readonly [name: string, quote: (word: string) => string, more: readonly string[]][] = [
    ['systemd', systemdWord, []],
    ['systemd path', systemdPath, []],
    ['shell', shellWord, []],
    ['account', accountWord, ['', 'a b', 'a;b', '-a', '$a', '%u', 'a:b', 'root\\']],
    ['monit', monitString, ['a"b', 'a\\']],
    ['monit command', (word) => monitCommand([word]), ['a b', 'a"b', "a'b", 'a;b', 'a(b)', '']],
    ['logrotate', logrotatePath, ['/a*', '/a{b', '/a"b', '/a[b', '/a?', '/a\\b']],
  ]
  for (const [name, quote, more] of quotes) {
    for (const word of [...hostile, ...more]) {
      assert.throws(() => quote(word), knownError(/cannot be written into/), `${name}: ${JSON.stringify(word)}`)
    }
  }
})

test('Monit asks where the daemon always listens, also where another node has the address of the row', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path('/etc/monit/conf.d'), { recursive: true })
  await sandbox.setRow('frameworkd_address', '192.0.2.1')
  await sandbox.setRow('frameworkd_port', '40003')
  assert.equal((await sandbox.setup()).code, 0)
  assert.match(sandbox.read('/etc/monit/conf.d/frameworkd'), /if failed host 127\.0\.0\.1 port 40003\n/)
})

test('Monit takes a host that looks like statements for one word', { skip: isMissing('monit') }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const control = sandbox.path('/monitrc')
  const host = '127.0.0.1(port)1(then)exec(x)'
  writeFileSync(
    control,
    `set daemon 30\ncheck process x matching "x"\n  if failed host ${monitString(host)} port 2 then alert\n`,
    { mode: 0o600 },
  )
  const { stdout } = spawnSync('monit', ['-v', '-t', '-c', control], { encoding: 'utf8' })
  assert.ok(stdout.includes(`[${host}]:2`), stdout)
})

async function sysvMachine(): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'sysv')
  assert.equal((await sandbox.setup()).code, 0)
  return sandbox
}

function knownError(message: RegExp) {
  return (error: unknown) => error instanceof KnownError && message.test(error.message) && error.hint !== ''
}

test('a log folder with a blank and letters of any language is quoted for each program', {
  skip: leftOut || isMissing('logrotate'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'systemd')
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'store=sqlite\nlog-dir=/srv/größe und mehr\n')
  assert.equal((await sandbox.setup()).code, 0)
  assert.match(sandbox.read(`${units}/frameworkd.service`), /^ReadWritePaths=-"\/srv\//m)
  assert.match(
    readFileSync(sandbox.path('/etc/logrotate.d/frameworkd'), 'utf8'),
    /^"\/srv\/größe und mehr\/frameworkd\.log" "/m,
  )
})
