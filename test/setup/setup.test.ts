import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { provisioned } from '../support/daemon.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { byExtent, leftOut, someOf } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { ended, run, start } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, password, Sandbox } from '../support/sandbox.ts'

const uuidInUpperCase = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/

testOnEachStore('a fresh machine is provisioned, and a second run changes nothing but its result', async (kind) => {
  await using sandbox = await Sandbox.create(kind, { table: false })
  const first = await sandbox.setup(['--create-schema'])
  assert.equal(first.code, 0, first.stderr)
  assert.match(sandbox.keyInFile() ?? '', uuidInUpperCase)
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
  const before = { tree: sandbox.tree(), rows: await sandbox.dump() }
  const second = await sandbox.setup(['--create-schema'])
  assert.match(second.stdout, /ok=11 {2}changed=0 {2}skipped=0 {2}failed=0/)
  assert.deepEqual({ tree: sandbox.tree(), rows: await sandbox.dump() }, before)
})

testOnEachStore('check mode on a fresh machine tells all that would change and makes nothing', async (kind) => {
  await using sandbox = await Sandbox.create(kind, { table: false })
  const before = sandbox.tree()
  const checked = await sandbox.setup(['--create-schema', '--check', '--diff', '--detailed-exitcode'])
  assert.equal(checked.code, 5, checked.stderr)
  assert.match(checked.stdout, /pending=5/)
  assert.equal(sandbox.tree(), before)
  assert.equal(existsSync(sandbox.path('/var')), false)
})

testOnEachStore('the key file reads the same in ConfigParser and in grep and awk', async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  assert.equal((await sandbox.setup(['--key-source', 'random'])).code, 0)
  const path = sandbox.path(keyPath)
  const python =
    "import configparser,sys; c=configparser.ConfigParser(); c.read(sys.argv[1]); print(c.get('key-value','key'))"
  const byPython = execFileSync('python3', ['-c', python, path], { encoding: 'utf8' }).trim()
  const byAwk = execFileSync('sh', ['-c', `grep "^key=" "$1" | awk 'BEGIN { FS = "=" } ; {print $2}'`, 'sh', path], {
    encoding: 'utf8',
  })
  assert.equal(byPython, await sandbox.keyInRow())
  assert.equal(byAwk.trim(), byPython)
  assert.match(
    sandbox.read(keyPath),
    /^#This file is generated automatically by ossim\. Please don't modify it!\n#Generated using random uuid on \d{4}-\d\d-\d\dT[\d:.]+Z\n\[key-value\]\nkey=[0-9A-F-]{36}\n$/,
  )
})

testOnEachStore('an empty row frameworkd_keyfile ends with 2 and names the row', async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  await sandbox.setRow('frameworkd_keyfile', '')
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2)
  assert.match(stderr, /row frameworkd_keyfile of table config/)
})

testOnEachStore(
  'a row cannot aim the key at a file that is no key file, nor below a folder of others',
  async (kind) => {
    await using sandbox = await Sandbox.create(kind)
    sandbox.write('/etc/shadow', 'root:x\n')
    await sandbox.setRow('frameworkd_keyfile', '/etc/shadow')
    assert.equal((await sandbox.setup()).code, 2)
    assert.equal(sandbox.read('/etc/shadow'), 'root:x\n')
    mkdirSync(sandbox.path('/open'))
    chmodSync(sandbox.path('/open'), 0o777)
    await sandbox.setRow('frameworkd_keyfile', '/open/key')
    assert.equal((await sandbox.setup()).code, 2)
    assert.equal(existsSync(sandbox.path('/open/key')), false)
  },
)

testOnEachStore('owner and mode of a good key file are repaired, a shared 0440 is kept', async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  sandbox.write(keyPath, keyFileText(keyA), 0o644)
  await sandbox.setRow('encryption_key', keyA)
  assert.match((await sandbox.setup()).stdout, /changed +encryption-key/)
  assert.equal(sandbox.mode(keyPath), '400')
  assert.equal(sandbox.read(keyPath), keyFileText(keyA))
  chmodSync(sandbox.path(keyPath), 0o440)
  assert.match((await sandbox.setup()).stdout, /ok +encryption-key/)
  assert.match((await sandbox.setup(['--owner', 'www-data'])).stdout, /changed +encryption-key/)
  assert.equal(sandbox.mode(keyPath), '400')
})

testOnEachStore('a link, a folder and a fifo where the key file goes are refused and left alone', async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  const path = sandbox.path(keyPath)
  mkdirSync(sandbox.path('/etc/ossim/framework'), { recursive: true })
  const obstacles = [
    () => symlinkSync('/etc/passwd', path),
    () => mkdirSync(path),
    () => execFileSync('mkfifo', [path]),
  ]
  for (const obstruct of obstacles) {
    obstruct()
    const before = sandbox.tree()
    const { code, stderr } = await sandbox.setup(['--tags', 'identity'])
    assert.equal(code, 1, stderr)
    assert.match(stderr, /db_encryption_key (is a link|is a folder|is not a plain file)\nhint: /)
    assert.equal(sandbox.tree(), before)
    rmSync(path, { recursive: true })
  }
})

testOnEachStore(
  'the system id becomes the key in upper case, and brings a lost key back',
  {
    skip: process.getuid?.() !== 0 && 'chroot needs root',
  },
  async (kind) => {
    await using sandbox = await Sandbox.create(kind)
    installSystemId(sandbox, keyA.toLowerCase())
    assert.equal((await sandbox.setup()).code, 0)
    assert.equal(sandbox.keyInFile(), keyA)
    assert.match(sandbox.read(keyPath), /^#Generated using alienvault-system-id$/m)
    await sandbox.addEncrypted(keyA.toLowerCase())
    await sandbox.sql("DELETE FROM config WHERE conf = 'encryption_key'")
    rmSync(sandbox.path(keyPath))
    const recovered = await sandbox.setup()
    assert.equal(recovered.code, 0, recovered.stderr)
    assert.equal(sandbox.keyInFile(), keyA.toLowerCase())
  },
)

testOnEachStore(
  'a system id program that prints garbage gives a random key, and an error when it was demanded',
  {
    skip: process.getuid?.() !== 0 && 'chroot needs root',
  },
  async (kind) => {
    await using sandbox = await Sandbox.create(kind)
    installSystemId(sandbox, 'no uuid here')
    assert.equal((await sandbox.setup(['--key-source', 'system-id'])).code, 1)
    assert.equal(existsSync(sandbox.path(keyPath)), false)
    const made = await sandbox.setup(['--key-source', 'auto'])
    assert.equal(made.code, 0)
    assert.match(
      made.stdout,
      /^warning: .*alienvault-system-id ended with 0 and printed no UUID; the key is a random one$/m,
    )
    assert.match(sandbox.keyInFile() ?? '', uuidInUpperCase)
  },
)

test('a system id that boards without one share never becomes a key, but gives values back that it encrypted', {
  skip: leftOut || (process.getuid?.() !== 0 && 'chroot needs root'),
}, async () => {
  const shared = [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '03000200-0400-0500-0006-000700080009',
  ]
  for (const id of shared) {
    await using sandbox = await Sandbox.create('sqlite')
    installSystemId(sandbox, id)
    const demanded = await sandbox.setup(['--key-source', 'system-id'])
    assert.equal(demanded.code, 1)
    assert.match(demanded.stderr, /one that many machines have.*\nhint: /)
    await sandbox.addEncrypted(id.toUpperCase())
    const recovered = await sandbox.setup(['--key-source', 'auto'])
    assert.equal(recovered.code, 0, recovered.stderr)
    assert.ok(sandbox.keyInFile() === id.toUpperCase())
    await sandbox.sql("DELETE FROM config WHERE conf LIKE '%_pass' OR conf = 'encryption_key'")
    rmSync(sandbox.path(keyPath))
    const { stdout } = await sandbox.setup()
    assert.match(stdout, /^warning: the system id is one that many machines have.*; the key is a random one$/m)
    assert.match(sandbox.keyInFile() ?? '', uuidInUpperCase)
    assert.ok(sandbox.keyInFile() !== id.toUpperCase())
  }
})

test('variables that Kubernetes makes for Services of our names are not taken for settings', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const env = { FRAMEWORKD_PORT: 'tcp://10.0.0.1:40003', FRAMEWORKD_DB_PORT: 'tcp://10.0.0.2:3306' }
  assert.equal((await sandbox.setup([], { env })).code, 0)
  assert.equal((await sandbox.setup([], { env: { FRAMEWORKD_PORT: 'tcp:40003' } })).code, 2)
})

const machinesAtOnce = byExtent({ sample: 4, all: 16, long: 16 })

test(`${machinesAtOnce} machines that set up against one database at once end with one key`, async () => {
  await using first = await Sandbox.create('mysql')
  const roots = Array.from({ length: machinesAtOnce }, (_, index) => join(first.root, `machine${index}`))
  const runs = roots.map((root) => {
    mkdirSync(join(root, 'etc'), { recursive: true })
    copyFileSync(first.path('/etc/passwd'), join(root, 'etc/passwd'))
    return run('frameworkd-setup', ['--non-interactive', '--root', root, ...first.flags])
  })
  for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr)
  const key = await first.keyInRow()
  assert.match(key ?? '', uuidInUpperCase)
  for (const root of roots) assert.ok(execFileSync('grep', ['-x', `key=${key}`, join(root, keyPath)]))
})

test('two runs on one machine: one works, the other says busy or finds it done', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const codes = (await Promise.all([sandbox.setup(), sandbox.setup(), sandbox.setup()])).map(({ code }) => code)
  assert.ok(codes.includes(0), String(codes))
  assert.ok(
    codes.every((code) => code === 0 || code === 75),
    String(codes),
  )
})

test('the result document is one JSON object on stdout and on disk', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { stdout } = await sandbox.setup(['--output', 'json'])
  const document = JSON.parse(stdout)
  assert.equal(document.outcome, 'changed')
  assert.equal(document.key.source, 'random')
  assert.match(document.key.fingerprint, /^[0-9a-f]{8}$/)
  assert.deepEqual(JSON.parse(sandbox.read('/var/lib/frameworkd/setup/result.json')), document)
  const failed = await sandbox.setup(['--output', 'json', '--tags', 'nope'])
  assert.equal(JSON.parse(failed.stdout).error.code, 'usage')
})

test('settings that were given are kept, other lines survive, and the next run needs no flags', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('mysql')
  const conf = '/etc/ossim/framework/ossim.conf'
  sandbox.write(conf, '# mine\nossim_link=/ossim/\nossim_user=old\n', 0o644)
  const { code, stdout, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  assert.match(sandbox.read(conf), /^# mine\nossim_link=\/ossim\/\nossim_user=t\w+\n/)
  assert.ok(sandbox.read(conf).includes(`ossim_pass=${password}\n`), 'the password is kept whole')
  assert.equal(sandbox.mode(conf), '644', 'it is kept')
  assert.match(stdout + stderr, /every account can read the password in .*ossim\.conf/)
  assert.ok(stdout.includes(`; chmod o= ${sandbox.path(conf)}`), stdout)
  const again = await run('frameworkd-setup', ['--non-interactive', '--root', sandbox.root])
  assert.match(again.stdout, /changed=0/, again.stderr)
})

test('a password with = in ossim.conf is read whole, and is not written there', async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/operator/password', 'pa;ss#w="rd\n')
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2)
  assert.match(stderr, /cannot hold this password/)
  assert.equal(existsSync(sandbox.path('/etc/ossim')), false)
})

interface BadInput {
  name: string
  args: string[]
  code: number
  says: RegExp
}

const bad: BadInput[] = [
  { name: 'an unknown flag', args: ['--nope'], code: 2, says: /'--nope'/ },
  { name: 'an unknown tag', args: ['--tags', 'nope'], code: 2, says: /known tags: always, database/ },
  { name: 'a port that is no number', args: ['--db-port', 'abc'], code: 2, says: /--db-port: "abc" is not a port/ },
  {
    name: 'two wrong values at once',
    args: ['--db-port', '0', '--key-source', 'x'],
    code: 2,
    says: /2 settings are wrong/,
  },
  {
    name: 'a config file below the working folder',
    args: ['--config', 'x.ini'],
    code: 2,
    says: /x\.ini is not an absolute/,
  },
  { name: 'a missing config file', args: ['--config', '/nope.ini'], code: 2, says: /\/nope\.ini does not exist/ },
  {
    name: 'a wrong password',
    args: ['--db-password-file', 'ROOT/operator/wrong'],
    code: 2,
    says: /refuses the account or its password/,
  },
  {
    name: 'an unknown database',
    args: ['--db-name', 'nope'],
    code: 2,
    says: /no such database|no rights on this database/,
  },
  { name: 'a port where no database is', args: ['--db-port', '1'], code: 75, says: /nothing listens there/ },
  { name: 'an unknown owner', args: ['--owner', 'nobody-here'], code: 4, says: /account nobody-here is not in/ },
  { name: 'a verb that is not there', args: ['frobnicate'], code: 2, says: /frobnicate is not a verb/ },
]

for (const { name, args, code, says } of someOf(bad, 3)) {
  test(`${name} ends with ${code}, a hint and nothing done`, async () => {
    await using sandbox = await provisioned('mysql')
    sandbox.write('/operator/wrong', 'not-the-password\n')
    const before = { tree: sandbox.tree(), rows: await sandbox.dump() }
    const result = await sandbox.setup(args.map((argument) => argument.replace('ROOT', sandbox.root)))
    assert.equal(result.code, code, result.stderr)
    assert.match(result.stderr, says)
    assert.match(result.stderr, /\nhint: /)
    assert.deepEqual({ tree: sandbox.tree(), rows: await sandbox.dump() }, before)
  })
}

test('no store configured anywhere ends with 2 and names --store and --db-host', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { code, stderr } = await run('frameworkd-setup', ['--root', sandbox.root])
  assert.equal(code, 2)
  assert.match(stderr, /--db-host.*--store sqlite/)
})

test('a server without table config ends with 2 and names --create-schema', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('mysql', { table: false })
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2)
  assert.match(stderr, /table config is missing.*\nhint: .*--create-schema/)
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})

test('a database that does not answer ends with 75 after --wait-for-db, and makes no key', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const { code, stderr } = await sandbox.setup([
    '--db-host',
    '127.0.0.1',
    '--db-port',
    String(await freePort()),
    '--wait-for-db',
    '1',
  ])
  assert.equal(code, 75)
  assert.match(stderr, /nothing listens there.*; trying again, 1 s left/)
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})

test('a Ctrl-C while it waits ends with 130 at once', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const args = ['--root', sandbox.root, ...sandbox.flags, '--db-port', String(await freePort()), '--wait-for-db', '600']
  const child = start('frameworkd-setup', args)
  child.stderr?.once('data', () => child.kill('SIGINT'))
  const { code, stderr } = await ended(child)
  assert.equal(code, 130)
  assert.match(stderr, /interrupted\nhint: run it again/)
})

test('missing rights on the table are an error and never an absent key', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.sql('ALTER TABLE config DROP COLUMN value')
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2, stderr)
  assert.equal(sandbox.read(keyPath), keyFileText(keyA))
})

test('files become the owner of the passwd below the root, whatever it says on this machine', {
  skip: leftOut || (process.getuid?.() !== 0 && 'needs root'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  writeFileSync(sandbox.path('/etc/passwd'), 'www-data:x:4242:4343::/:/bin/sh\n')
  execFileSync('chown', ['-R', '4242:4343', sandbox.path('/var/lib/frameworkd/store')])
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  const listed = execFileSync('stat', ['-c', '%u:%g %a', sandbox.path(keyPath)], { encoding: 'utf8' })
  assert.equal(listed.trim(), '4242:4343 400')
})

/** A static program, since the root has no libraries: chroot runs it inside. */
function installSystemId(sandbox: Sandbox, output: string): void {
  const path = sandbox.path('/usr/bin/alienvault-system-id')
  mkdirSync(sandbox.path('/usr/bin'), { recursive: true })
  const source = `#include <stdio.h>\nint main(void) { fputs("${output}", stdout); return 0; }\n`
  execFileSync('gcc', ['-static', '-o', path, '-x', 'c', '-'], { input: source })
}
