/** What each source of a setting may decide: a row is data, and a file that others can write names the connection. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { paths } from '../../src/paths.ts'
import { run } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, storeKinds } from '../support/sandbox.ts'
import { notRoot } from '../support/services.ts'

const verbs: readonly (readonly string[])[] = [[], ['check'], ['seal', '--force'], ['uninstall', '--purge', '--force']]

for (const kind of storeKinds) {
  for (const [path, why] of [
    ['/etc/ld.so.preload', 'outside of /etc/ossim'],
    ['/etc/systemd/system/cron.service.d/x.conf', 'a drop-in of a unit'],
    ['/etc/ossim/../ld.so.preload', 'outside by dots'],
    ['/etc/ossim//x', 'with an empty name'],
    ['/etc/ossim/none/x', 'in a folder that is not there'],
    ['/etc/ossim/link/x', 'below a link'],
    ['/etc/ossim/agent.cfg', 'a file that is no key file'],
    ['/etc/ossim/framework', 'a folder'],
    ['/dev/ptmx', 'a device'],
  ] as const) {
    test(`${kind}: a row that names ${path} as key file (${why}) is refused by every verb, and nothing changes`, async () => {
      await using sandbox = await Sandbox.create(kind)
      sandbox.write(keyPath, keyFileText(keyA), 0o400)
      sandbox.write('/etc/ossim/agent.cfg', 'of another program\n')
      mkdirSync(sandbox.path('/etc/systemd/system/cron.service.d'), { recursive: true })
      symlinkSync('/operator', sandbox.path('/etc/ossim/link'))
      await sandbox.setRow('frameworkd_keyfile', path)
      const [before, rows] = [sandbox.tree(), await sandbox.dump()]
      for (const verb of verbs) {
        const { code, stderr } = await sandbox.setup(verb)
        assert.equal(code, 2, `${verb.join(' ')}: ${stderr}`)
        assert.match(stderr, /row frameworkd_keyfile of table config: .*\nhint: /)
        assert.equal(sandbox.tree(), before)
      }
      const verified = await run('frameworkd', ['verify', '--root', sandbox.root])
      assert.equal(verified.code, 2, verified.stderr)
      assert.equal(await sandbox.dump(), rows)
    })
  }
}

test('a row may name another key file below /etc/ossim, and seal takes that and the usual one', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path('/etc/ossim/keys'), { recursive: true })
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('frameworkd_keyfile', '/etc/ossim/keys/db')
  assert.equal((await sandbox.setup()).code, 0)
  assert.match(sandbox.read('/etc/ossim/keys/db'), /^key=/m)
  assert.equal((await sandbox.setup(['seal'])).code, 0)
  assert.equal(existsSync(sandbox.path('/etc/ossim/keys/db')), false)
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})

test('root names any place for the key file and the logs in frameworkd.ini, but no file that is another', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(paths.settings, 'store=sqlite\nkey-file=/srv/keys/db\nlog-dir=/srv/logs\n')
  const { code: first, stdout } = await sandbox.setup()
  assert.equal(first, 0)
  assert.match(
    stdout,
    /warning: OSSIM's own programs read the key from \/etc\/ossim\/framework\/db_encryption_key and not/,
  )
  assert.match(sandbox.read('/srv/keys/db'), /^key=/m)
  assert.equal(existsSync(sandbox.path('/srv/logs')), true)
  sandbox.write('/srv/other', 'not a key\n')
  sandbox.write(paths.settings, 'store=sqlite\nkey-file=/srv/other\n')
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 2, stderr)
  assert.match(stderr, /frameworkd\.ini: key-file: "\/srv\/other" names what is not a key file/)
  assert.equal(sandbox.read('/srv/other'), 'not a key\n')
})

for (const [folder, prepare] of [
  ['/var/log/journal', undefined],
  ['/var/log/journal', { uid: 0 }],
  ['/etc/logrotate.d', { uid: 0 }],
  ['/var/log/ossim/../journal', undefined],
] as const) {
  test(`logs in ${folder}${prepare ? ', a folder of root' : ''} are refused where a row names it`, {
    skip: notRoot,
  }, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    sandbox.giveToOwner()
    if (prepare) mkdirSync(sandbox.path(folder), { recursive: true })
    await sandbox.setRow('frameworkd_log_dir', folder)
    const before = sandbox.tree()
    for (const verb of [[], ['check']]) {
      const { code, stderr } = await sandbox.setup(verb)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /row frameworkd_log_dir of table config: .*\nhint: set the row to \/var\/log\/ossim\//)
    }
    assert.equal(sandbox.tree(), before)
    if (!prepare) return
    // A folder of the owner's that is there is theirs to fill.
    chownSync(sandbox.path(folder), 33, 33)
    assert.equal((await sandbox.setup()).code, 0)
  })
}

for (const address of [
  '127.0.0.1(port)1(then)exec"/x"if(failed)host(127.0.0.1)',
  'a b',
  'x;y',
  '1.2.3.256',
  '[::1]',
  '-x',
]) {
  test(`an address like ${address} is no address, in a row and as a flag`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    await sandbox.setRow('frameworkd_address', address)
    const { code, stderr } = await sandbox.setup()
    assert.equal(code, 2, stderr)
    assert.match(stderr, /row frameworkd_address of table config: .* is not an IP address or a host name/)
    const given = await run('frameworkd', ['verify', '--root', sandbox.root, `--listen-address=${address}`])
    assert.equal(given.code, 2, given.stderr)
  })
}

test('a settings file that others can write names the connection and nothing else', { skip: notRoot }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const file = '/etc/mine/settings.ini'
  const open: readonly [what: string, work: () => void][] = [
    ['of another owner', () => chownSync(sandbox.path(file), 33, 33)],
    ['that everybody may write', () => chmodSync(sandbox.path(file), 0o666)],
    [
      'that a group may write',
      () => {
        chownSync(sandbox.path(file), 0, 33)
        chmodSync(sandbox.path(file), 0o664)
      },
    ],
    ['in a folder of another owner', () => chownSync(dirname(sandbox.path(file)), 33, 33)],
  ]
  for (const [what, work] of open) {
    for (const line of [
      'owner=root',
      'key-file=/x',
      'log-dir=/var/log/x',
      'init=none',
      'key-source=random',
      'port=1',
    ]) {
      sandbox.write(file, `store=sqlite\n${line}\n`)
      chownSync(dirname(sandbox.path(file)), 0, 0)
      chownSync(sandbox.path(file), 0, 0)
      chmodSync(sandbox.path(file), 0o644)
      work()
      for (const [program, verb] of [
        ['frameworkd-setup', 'check'],
        ['frameworkd', 'verify'],
      ] as const) {
        const { code, stderr } = await run(program, [verb, '--root', sandbox.root, '--config', file])
        assert.equal(code, 2, `${what}, ${line}: ${stderr}`)
        assert.match(stderr, /settings\.ini: [a-z-]+ may not be decided here: others than root can write \/etc\/mine/)
      }
    }
    writeFileSync(sandbox.path(file), 'store=sqlite\ndb-name=x\n')
    assert.equal((await run('frameworkd-setup', ['check', '--root', sandbox.root, '--config', file])).code, 0)
  }
})

test('a value of ossim.conf, which not everybody may read, is not shown when it is wrong', async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/etc/ossim/framework/ossim.conf', 'ossim_host=x\nossim_port=hunter2\nossim_user=u\n', 0o640)
  const { code, stderr } = await run('frameworkd-setup', ['check', '--root', sandbox.root, '--store', 'mysql'])
  assert.equal(code, 2)
  assert.match(stderr, /ossim\.conf: ossim_port: its value, hidden, is not a port/)
  assert.doesNotMatch(stderr, /hunter2/)
})

test('a name or database that the old readers of ossim.conf would misread is not written there', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const before = readFileSync(sandbox.path('/etc/passwd'), 'utf8')
  const { code, stderr } = await sandbox.setup(['--db-user', 'a=b'])
  assert.equal(code, 2, stderr)
  assert.match(stderr, /ossim\.conf cannot hold the value of db-user/)
  assert.equal(existsSync(sandbox.path('/etc/ossim/framework/ossim.conf')), false)
  assert.equal(readFileSync(sandbox.path('/etc/passwd'), 'utf8'), before)
})
