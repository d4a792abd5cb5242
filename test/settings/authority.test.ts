/** What each source of a setting may decide: a row is data, and a file that others can write names the connection. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { paths } from '../../src/paths.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { byExtent, leftOut, someOf } from '../support/extent.ts'
import { run } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'
import { installInit, isMissing, notRoot } from '../support/services.ts'

const verbs: readonly (readonly string[])[] = [
  [],
  ['check'],
  ['seal', '--yes', '--force'],
  ['uninstall', '--purge', '--yes', '--force'],
]

/** What a row must not name as the key file. */
const forbidden = [
  ['/etc/ld.so.preload', 'outside of /etc/ossim'],
  ['/etc/ossim/../ld.so.preload', 'outside by dots'],
  ['/etc/systemd/system/cron.service.d/x.conf', 'a drop-in of a unit'],
  ['/etc/ossim//x', 'with an empty name'],
  ['/etc/ossim/none/x', 'in a folder that is not there'],
  ['/etc/ossim/link/x', 'below a link'],
  ['/etc/ossim/framework', 'a folder'],
  ['/dev/ptmx', 'a device'],
  [`/etc/ossim/${'x'.repeat(300)}`, 'a name that is too long'],
  ['/etc/ossim/agent.cfg', 'a file that is no key file'],
  ['/etc/ossim/big', 'a file that is too large'],
] as const

for (const [index, [path, why]] of someOf(forbidden, 3).entries()) {
  testOnEachStore(
    `a row that names ${path} as key file (${why}) is refused by every verb, and nothing changes`,
    async (kind) => {
      await using sandbox = await Sandbox.create(kind)
      sandbox.write(keyPath, keyFileText(keyA), 0o400)
      sandbox.write('/etc/ossim/agent.cfg', 'of another program\n')
      sandbox.write('/etc/ossim/big', Buffer.alloc(2 ** 21))
      mkdirSync(sandbox.path('/etc/systemd/system/cron.service.d'), { recursive: true })
      symlinkSync('/operator', sandbox.path('/etc/ossim/link'))
      await sandbox.setRow('frameworkd_keyfile', path)
      const [before, rows] = [sandbox.tree(), await sandbox.dump()]
      for (const verb of byExtent({ long: verbs, all: verbs, sample: [[], verbs[1 + (index % 3)] ?? []] })) {
        const { code, stderr } = await sandbox.setup(verb)
        assert.equal(code, 2, `${verb.join(' ')}: ${stderr}`)
        assert.match(stderr, /row frameworkd_keyfile of table config: .*\nhint: /)
        assert.equal(sandbox.tree(), before)
      }
      const verified = await run('frameworkd', ['verify', '--root', sandbox.root])
      assert.equal(verified.code, 2, verified.stderr)
      assert.equal(await sandbox.dump(), rows)
    },
  )
}

test('a row may name another key file below /etc/ossim, and seal takes that and the usual one', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path('/etc/ossim/keys'), { recursive: true })
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('frameworkd_keyfile', '/etc/ossim/keys/db')
  assert.equal((await sandbox.setup()).code, 0)
  assert.match(sandbox.read('/etc/ossim/keys/db'), /^key=/m)
  assert.equal((await sandbox.setup(['seal', '--yes'])).code, 0)
  assert.equal(existsSync(sandbox.path('/etc/ossim/keys/db')), false)
  assert.equal(existsSync(sandbox.path(keyPath)), false)
})

test('root names any place for the key file and the logs in frameworkd.ini, but no file that is another', {
  skip: leftOut,
}, async () => {
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

for (const [folder, prepare] of someOf<readonly [folder: string, prepare?: { uid: number }]>(
  [
    ['/var/log/journal'],
    ['/var/log/journal', { uid: 0 }],
    ['/etc/logrotate.d', { uid: 0 }],
    ['/var/log/ossim/../journal'],
    ['/'],
  ],
  2,
)) {
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

for (const address of someOf(
  ['127.0.0.1(port)1(then)exec"/x"if(failed)host(127.0.0.1)', 'a b', 'x;y', '1.2.3.256', '[::1]', '-x'],
  2,
)) {
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

const deciding = ['owner=root', 'key-file=/x', 'log-dir=/var/log/x', 'init=none', 'key-source=random', 'port=1']

test('a settings file that others can write names the connection and nothing else', {
  skip: leftOut || notRoot,
}, async () => {
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
    for (const line of what === open[0]?.[0] ? deciding : deciding.slice(0, 1)) {
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

test('a settings file with an access list decides nothing but the connection', {
  skip: notRoot || isMissing('setfacl'),
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(paths.settings, 'store=sqlite\nkey-file=/etc/ld.so.preload\n')
  execFileSync('setfacl', ['-m', 'u:33:rw', sandbox.path(paths.settings)])
  const { code, stderr } = await sandbox.setup(['check'])
  assert.equal(code, 2, stderr)
  assert.match(stderr, /key-file may not be decided here/)
})

/** Exchanges two names in a folder again and again, until it is killed. */
const exchanger = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
os.setgroups([]); os.setgid(33); os.setuid(33)
while os.getppid() != 1:
    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
`

test('a settings file that is reached through a folder of others decides nothing, however fast they exchange it', {
  skip: leftOut || notRoot,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.giveToOwner()
  const folder = sandbox.path('/srv/app')
  sandbox.write('/srv/good/f.ini', 'store=sqlite\n')
  sandbox.write('/srv/app/c/f.ini', 'store=sqlite\nkey-file=/etc/ld.so.preload\n')
  for (const path of ['/c', '/c/f.ini']) chownSync(`${folder}${path}`, 33, 33)
  chownSync(folder, 0, 33)
  chmodSync(folder, 0o775)
  symlinkSync('/srv/good', `${folder}/b`)
  const racing = spawn('python3', ['-c', exchanger, `${folder}/b`, `${folder}/c`], { stdio: 'ignore' })
  try {
    for (let attempt = 0; attempt < byExtent({ long: 48, all: 12, sample: 6 }); attempt += 1) {
      const { stdout } = await run('frameworkd-setup', [
        'check',
        '--root',
        sandbox.root,
        '--config',
        '/srv/app/b/f.ini',
      ])
      assert.doesNotMatch(stdout, /ld\.so\.preload/)
    }
  } finally {
    racing.kill('SIGKILL')
  }
})

test('what would not count where it is written is refused before anything is changed', {
  skip: leftOut || notRoot,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path(dirname(paths.settings)))
  chownSync(sandbox.path(dirname(paths.settings)), 33, 33)
  const before = sandbox.tree()
  const { code, stderr } = await sandbox.setup(['--init', 'none'])
  assert.equal(code, 2, stderr)
  const place = sandbox.path(dirname(paths.settings))
  assert.match(stderr, /frameworkd\.ini cannot decide about init: others than root can write \/etc\/frameworkd\n/)
  assert.ok(stderr.includes(`\nhint: chown root ${place}; chmod go-w ${place}; or `), stderr)
  assert.equal(sandbox.tree(), before)
})

test('a CA that is given has the server verified, whatever mode was kept, and one that a mode leaves unused is refused', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/etc/ca.pem', 'no certificate\n')
  sandbox.write(paths.settings, 'store=mysql\ndb-ssl-mode=required\n')
  const shown = await sandbox.setup(['--check', '-v', '--db-ssl-ca', '/etc/ca.pem'])
  assert.match(shown.stderr, /db-ssl-mode = verify-identity {2}\(--db-ssl-ca\)/)
  sandbox.write(paths.settings, 'store=mysql\ndb-ssl-mode=verify-ca\n')
  const kept = await sandbox.setup(['--check', '-v', '--db-ssl-ca', '/etc/ca.pem'])
  assert.match(kept.stderr, /db-ssl-mode = verify-ca {2}\(.*frameworkd\.ini/)
  sandbox.write(paths.settings, 'store=mysql\ndb-ssl-ca=/etc/ca.pem\n')
  const { code, stderr } = await sandbox.setup(['--check', '--db-ssl-mode', 'required'])
  assert.equal(code, 2)
  assert.match(stderr, /frameworkd\.ini: db-ssl-ca has no effect with mode required of --db-ssl-mode/)
})

test('seal takes every key file below the folder of OSSIM, and is not held up by a row about something else', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  sandbox.write('/etc/ossim/other/deep/key', keyFileText(keyA), 0o400)
  sandbox.write('/etc/ossim/other/conf', 'no key\n')
  await sandbox.setRow('frameworkd_port', '99999')
  assert.equal((await sandbox.setup(['seal', '--yes', '--force'])).code, 0)
  assert.equal(existsSync(sandbox.path('/etc/ossim/other/deep/key')), false)
  assert.equal(existsSync(sandbox.path('/etc/ossim/other/conf')), true)
})

test('accounts of directories and machines own the key and run the service', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'systemd')
  for (const group of ['svc@corp.local', 'machine$', 'g'.repeat(40), '3proxy']) {
    sandbox.write('/etc/group', `${group}:x:${process.getgid?.()}:\n`)
    const { code, stderr } = await sandbox.setup(['--owner', `www-data:${group}`])
    assert.equal(code, 0, stderr)
    assert.ok(sandbox.read('/etc/systemd/system/frameworkd.service').includes(`\nGroup=${group}\n`))
  }
})
