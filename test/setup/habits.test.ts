/** What users of Ansible and kubeadm expect of the command line. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { paths } from '../../src/paths.ts'
import { provisioned } from '../support/daemon.ts'
import { leftOut, someOf } from '../support/extent.ts'
import { run } from '../support/programs.ts'
import { keyPath, Sandbox } from '../support/sandbox.ts'

const rcLink = '/etc/rc2.d/S20ossim-framework'

test('check is apply --check --diff: it shows what would change, secrets masked, and changes nothing', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const before = sandbox.tree()
  const { code, stdout } = await run('frameworkd-setup', ['check', '--root', sandbox.root, ...sandbox.flags])
  assert.equal(code, 0)
  assert.match(stdout, /^\+ossim_pass=\[hidden, differs\]$/m)
  assert.match(stdout, /^\+key=\[new, hidden\]$/m)
  assert.match(stdout, /changed=0 {2}pending=[1-9]/)
  assert.equal(sandbox.tree(), before)
})

test('a diff of ossim.conf shows our lines alone, and what is kept of a run shows no diff', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('mysql')
  const others = '# was: ossim_pass=oldsecret\n# pass = othersecret\nmd5_salt=secretsalt\napi_token=secrettoken\n'
  sandbox.write('/etc/ossim/framework/ossim.conf', `${others}ossim_host=x\n`, 0o640)
  const { code, stdout } = await sandbox.setup(['--diff'])
  assert.equal(code, 0)
  assert.match(stdout, /^-ossim_host=x$/m)
  assert.match(stdout, /^\+ossim_pass=\[hidden, differs\]$/m)
  assert.doesNotMatch(stdout, /secret|salt|token/)
  const kept = JSON.parse(sandbox.read(paths.setupResult))
  assert.deepEqual(
    kept.tasks.filter((task: object) => 'diff' in task),
    [],
  )
  const document = JSON.parse((await sandbox.setup(['--check', '--diff', '--output', 'json', '--db-port', '1'])).stdout)
  assert.doesNotMatch(JSON.stringify(document), /secret|salt|token/)
})

test('-v shows every value as it would be typed, with its source', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { stderr } = await sandbox.setup(['--check', '-v'])
  assert.match(stderr, /^ {2}store = sqlite {2}\(--store\)$/m)
  assert.match(stderr, /^ {2}log-mode = 0644 {2}\(default\)$/m)
  assert.match(stderr, /^ {2}create-schema = no {2}\(default\)$/m)
  const implied = await sandbox.setup(['--check', '-v'], { env: { FRAMEWORKD_DB_HOST: 'db.example' } })
  assert.match(implied.stderr, /^ {2}store = sqlite {2}\(--store\)$/m)
  const args = ['check', '-v', '--root', sandbox.root, '--db-socket', '/nowhere', '--db-user', 'x']
  const server = await run('frameworkd-setup', args)
  assert.match(server.stderr, /^ {2}store = mysql {2}\(--db-socket\)$/m)
})

test('--detailed-exitcode tells pending changes by 5, and none by 0', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup(['--check', '--detailed-exitcode'])).code, 5)
  assert.equal((await sandbox.setup()).code, 0)
  assert.equal((await sandbox.setup(['--check', '--detailed-exitcode'])).code, 0)
  for (const verb of ['seal', 'uninstall']) {
    const looked = await run('frameworkd-setup', [verb, '--check', '--detailed-exitcode', '--root', sandbox.root])
    assert.equal(looked.code, 5, verb)
  }
})

test('an option that has no meaning for a verb is refused, and not ignored', async () => {
  await using sandbox = await provisioned('sqlite')
  const before = sandbox.tree()
  const senseless = [
    ['uninstall', '--tags=files'],
    ['seal', '--skip-tags=identity'],
    ['uninstall', '--dry-run', '--step'],
    ['apply', '--purge'],
    ['status', '--check'],
  ]
  for (const args of someOf(senseless, 2)) {
    const { code, stderr } = await run('frameworkd-setup', [...args, '--root', sandbox.root])
    assert.equal(code, 2)
    assert.match(stderr, new RegExp(`: --[a-z-]+ is no option of ${args[0]}\\nhint: it is one of `))
  }
  assert.equal(sandbox.tree(), before)
})

test('an empty value is refused before anything is taken for it', async () => {
  const { code, stderr } = await run('frameworkd-setup', ['seal', '--root', ''])
  assert.equal(code, 2)
  assert.match(stderr, /--root: its value is empty/)
})

test('with --output json there is one document, also for a failure before any task', async () => {
  const mistaken = [['bogus'], ['--bogus'], ['--tags', 'bogus'], ['--list-tasks', '--skip-tags', 'bogus']]
  for (const args of someOf(mistaken, 2)) {
    const { code, stdout } = await run('frameworkd-setup', ['check', '--output', 'json', ...args])
    assert.equal(code, 2)
    const { outcome, error } = JSON.parse(stdout)
    assert.deepEqual([outcome, error.code], ['failed', 'usage'], args.join(' '))
  }
  const { stdout } = await run('frameworkd-setup', ['check', '--output', 'json', '--root', '/', '--store', 'none'])
  assert.equal(JSON.parse(stdout).check, true)
})

test('--tags, --skip-tags and --start-at-task choose tasks; preflight always runs', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const outcomes = async (...args: string[]) => {
    const { stdout } = await sandbox.setup(['--check', ...args])
    return Object.fromEntries(stdout.split('\n').map((line) => line.split(/ +/, 3).slice(1).reverse()))
  }
  const tagged = await outcomes('--tags', 'key')
  assert.deepEqual([tagged.preflight, tagged.settings, tagged['encryption-key']], ['ok', 'skipped', 'pending'])
  const untagged = await outcomes('--skip-tags', 'key,settings')
  assert.deepEqual([untagged.preflight, untagged.settings, untagged['encryption-key']], ['ok', 'skipped', 'skipped'])
  const later = await outcomes('--start-at-task', 'encryption-key')
  assert.deepEqual([later.preflight, later.database, later['encryption-key']], ['ok', 'skipped', 'pending'])
})

test('--list-tasks prints every task that would run, in order with its tags', async () => {
  const { code, stdout } = await run('frameworkd-setup', ['--list-tasks'])
  assert.equal(code, 0)
  assert.match(stdout, /^preflight +.*\[always\]\nsettings .*\[settings\]\ndatabase .*\[database, identity\]\n/)
  const chosen = await run('frameworkd-setup', ['--list-tasks', '--tags', 'key', '--output', 'json'])
  assert.deepEqual(
    JSON.parse(chosen.stdout).tasks.map(({ name }: { name: string }) => name),
    ['preflight', 'encryption-key', 'stored-values'],
  )
})

test('preflight tells every failure at once, by name, and each can be ignored by name', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(rcLink, '')
  const args = ['--owner', 'nobody-here']
  const both = await sandbox.setup(args)
  assert.equal(both.code, 4)
  assert.match(both.stderr, /2 checks failed\n {2}account: .*\n {2}predecessor: /)
  assert.match(
    (await sandbox.setup([...args, '--ignore-preflight', 'account'])).stderr,
    /^frameworkd-setup: predecessor/,
  )
  const ignored = await sandbox.setup(['--ignore-preflight', 'predecessor'])
  assert.equal(ignored.code, 0, ignored.stderr)
  assert.match(ignored.stdout, /^warning: predecessor: .*\(ignored\)$/m)
})

const mistakes: [name: string, args: string[], says: RegExp][] = [
  ['a flag', ['--chekc'], /'--chekc'; did you mean --check\?/],
  ['a verb', ['chekc'], /chekc is not a verb; did you mean check\?/],
  ['a task', ['--start-at-task', 'nope'], /task nope is not known\nhint: known tasks: preflight, settings/],
  ['a check of preflight', ['--ignore-preflight', 'x'], /not a check of preflight\nhint: known checks: linux, rights/],
]

for (const [name, args, says] of mistakes) {
  test(`${name} that is mistyped ends with 2 and the known or nearest ones`, async () => {
    const { code, stderr } = await run('frameworkd-setup', args)
    assert.equal(code, 2)
    assert.match(stderr, says)
  })
}

test('FRAMEWORKD_DB_PASSWORD_FILE names a file: standard input could not be read again by a reload', async () => {
  for (const [program, args] of [
    ['frameworkd-setup', ['--non-interactive', '--db-host', '127.0.0.1']],
    ['frameworkd', ['run']],
  ] as const) {
    const { code, stderr } = await run(program, args, { env: { FRAMEWORKD_DB_PASSWORD_FILE: '-' }, input: 'word\n' })
    assert.equal(code, 2)
    assert.match(stderr, /FRAMEWORKD_DB_PASSWORD_FILE: - is standard input, .*\nhint: name a file/)
  }
})

test('an unknown setting in frameworkd.ini is named with its file and the nearest one', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write('/etc/frameworkd/frameworkd.ini', 'db-hots = example\nport = x\n')
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2)
  assert.match(stderr, /frameworkd\.ini: db-hots is not a setting; did you mean db-host\?/)
})

test('a settings file that is a folder, is binary or is huge is an error with a hint, and nothing is done', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const path = '/etc/ossim/framework/other.ini'
  const contents = [Buffer.from([0, 1, 2, 0xff, 0xfe, 10]), Buffer.alloc(2 * 1024 * 1024, 'x')]
  for (const content of contents) {
    sandbox.write(path, content)
    const { code, stderr } = await sandbox.setup(['--config', path])
    assert.ok(code === 1 || code === 2, stderr)
    assert.match(stderr, /\nhint: /)
  }
  mkdirSync(sandbox.path('/etc/ossim/folder.ini'))
  assert.match((await sandbox.setup(['--config', '/etc/ossim/folder.ini'])).stderr, /is a folder\nhint: /)
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})
