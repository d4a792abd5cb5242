import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { byExtent } from '../support/extent.ts'
import { type Ended, ended, programFile } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, type StoreKind } from '../support/sandbox.ts'
import { start } from './support/start.ts'
import { startTally } from './support/tally.ts'

const isRoot = process.getuid?.() === 0
const needsRoot = { skip: !isRoot && 'needs root' }
/** An account that is neither root nor the owner of anything. */
const stranger = 4242

const tally = startTally('hostile files')

const countObstacles = (count: number) => tally.add('obstacles at paths that are written or read', count)

function setup(sandbox: Sandbox, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
  const all = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags, ...args]
  return ended(start([process.execPath, programFile('frameworkd-setup'), ...all], env))
}

/** Every path that setup writes, with the kinds of store that write it. */
const written: readonly (readonly [path: string, kinds: readonly StoreKind[]])[] = [
  [keyPath, ['mysql', 'sqlite']],
  ['/etc/ossim/framework/.db_encryption_key.frameworkd-new', ['sqlite']],
  ['/etc/ossim/framework/ossim.conf', ['mysql']],
  ['/etc/frameworkd/frameworkd.ini', ['sqlite']],
  ['/var/lib/frameworkd/setup/lock', ['sqlite']],
  ['/var/lib/frameworkd/setup/result.json', ['sqlite']],
  ['/var/lib/frameworkd/machine-mark', ['sqlite']],
  ['/var/lib/frameworkd/store/config.db', ['sqlite']],
  ['/var/lib/frameworkd/store/config.db-journal', ['sqlite']],
]

/** What may stand there instead of a plain file; none of it may be followed, filled or emptied. */
const obstacles: Readonly<Record<string, (path: string, victim: string) => void>> = {
  'a link to a file': (path, victim) => symlinkSync(victim, path),
  'a link to nothing': (path) => symlinkSync('/nowhere/at/all', path),
  'a folder': (path) => mkdirSync(path),
  'a fifo': (path) => execFileSync('mkfifo', [path]),
  'a socket': (path) =>
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]),
}

/** A sample takes every seventh, all but the long version every third: each kind of obstacle and each path is among them. */
let turn = 0
const isTaken = () => turn++ % byExtent({ long: 1, all: 3, sample: 7 }) === 0

for (const [path, kinds] of written) {
  for (const kind of kinds) {
    for (const [name, plant] of Object.entries(obstacles).filter(isTaken)) {
      test(`${kind}: ${name} at ${path} is refused or replaced, never followed, and never a hang`, async () => {
        await using sandbox = await Sandbox.create(kind, { table: false })
        const at = sandbox.path(path)
        sandbox.write('/victim', 'whole\n', 0o644)
        mkdirSync(dirname(at), { recursive: true })
        plant(at, sandbox.path('/victim'))
        countObstacles(1)
        const { code, stderr } = await setup(sandbox, ['--create-schema'])
        assert.ok([0, 1, 2].includes(code ?? -1), `${code}: ${stderr}`)
        if (code !== 0) assert.match(stderr, /\nhint: /)
        assert.equal(sandbox.read('/victim'), 'whole\n')
        assert.equal(existsSync('/nowhere'), false)
        rmSync(at, { recursive: true, force: true })
        assert.equal((await setup(sandbox, ['--create-schema'])).code, 0)
        assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
      })
    }
  }
}

/** Files that are only read: links are followed there as an administrator means them, inside the root. */
for (const path of [
  '/etc/ossim/framework/ossim.conf',
  '/etc/ossim/ossim_setup.conf',
  '/etc/alienvault/system-id',
  '/etc/machine-id',
  '/etc/passwd',
]) {
  for (const name of ['a folder', 'a fifo', 'a socket'].filter(isTaken)) {
    test(`${name} at ${path}, which is read, is an error and never a hang or a new key`, async () => {
      await using sandbox = await Sandbox.create('sqlite')
      rmSync(sandbox.path(path), { force: true })
      mkdirSync(dirname(sandbox.path(path)), { recursive: true })
      obstacles[name]?.(sandbox.path(path), '')
      await sandbox.addEncrypted(keyA)
      countObstacles(1)
      const { code, stderr } = await setup(sandbox)
      assert.ok([1, 3, 4].includes(code ?? -1), `${code}: ${stderr}`)
      assert.match(stderr, /\nhint: /)
      assert.equal(existsSync(sandbox.path(keyPath)), false)
    })
  }
}

test("a stranger's key file in a folder that others may write is refused", needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  chownSync(sandbox.path(keyPath), stranger, stranger)
  chmodSync(dirname(sandbox.path(keyPath)), 0o1777)
  countObstacles(1)
  const { code, stderr } = await setup(sandbox)
  assert.equal(code, 1, stderr)
  assert.match(stderr, /belongs to a stranger/)
  assert.ok(stderr.includes(`chown root ${sandbox.path(keyPath)},`), stderr)
  assert.equal(await sandbox.keyInRow(), undefined)
})

for (const folder of ['/etc', '/etc/ossim', '/etc/ossim/framework', '/var', '/var/lib', '/var/lib/frameworkd']) {
  test(`nothing is written below ${folder} while everybody may write it`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    mkdirSync(sandbox.path(folder), { recursive: true })
    chmodSync(sandbox.path(folder), 0o777)
    countObstacles(1)
    const { code, stderr } = await setup(sandbox)
    assert.equal(code, folder.startsWith('/var') || folder === '/etc' ? code : 1, stderr)
    assert.notEqual(code, 0)
    assert.match(stderr, /everybody may write.*\nhint: /)
    assert.ok(stderr.includes(`chmod o-w ${sandbox.path(folder)},`), stderr)
    assert.equal(existsSync(sandbox.path(keyPath)), false)
  })
}

test('a file that is too large is refused with an order to look at it in its own tree', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const path = '/etc/ossim/framework/ossim.conf'
  sandbox.write(path, Buffer.alloc(1024 * 1024 + 1))
  countObstacles(1)
  const { code, stderr } = await setup(sandbox)
  assert.equal(code, 1, stderr)
  assert.match(stderr, /ossim\.conf is larger than/)
  assert.ok(stderr.includes(`ls -l ${sandbox.path(path)};`), stderr)
})

test('a folder that a stranger put on the way, or a link of his, is not gone through', needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path('/etc/ossim'))
  mkdirSync(sandbox.path('/elsewhere'))
  for (const plant of [
    () => {
      symlinkSync('/elsewhere', sandbox.path('/etc/ossim/framework'))
      execFileSync('chown', ['-h', String(stranger), sandbox.path('/etc/ossim/framework')])
      return '/etc/ossim/framework'
    },
    () => {
      mkdirSync(sandbox.path('/etc/ossim/framework'))
      chownSync(sandbox.path('/etc/ossim'), stranger, stranger)
      return '/etc/ossim'
    },
  ]) {
    const theirs = plant()
    countObstacles(1)
    const { code, stderr } = await setup(sandbox)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /another account could have planted/)
    assert.ok(stderr.includes(`chown -h root ${sandbox.path(theirs)},`), stderr)
    assert.equal(existsSync(sandbox.path('/elsewhere/db_encryption_key')), false)
    chownSync(sandbox.path('/etc/ossim'), 0, 0)
    rmSync(sandbox.path('/etc/ossim/framework'), { recursive: true })
  }
})

test(
  'a key file that another file is mounted on is left alone, and a mounted folder is written in',
  needsRoot,
  async (t) => {
    await using sandbox = await Sandbox.create('sqlite')
    await sandbox.setRow('encryption_key', keyA)
    sandbox.write(keyPath, 'damaged', 0o400)
    sandbox.write('/mounted', 'mounted, and damaged', 0o400)
    const mount = (from: string, to: string) => execFileSync('mount', ['--bind', sandbox.path(from), sandbox.path(to)])
    try {
      mount('/mounted', keyPath)
    } catch {
      return t.skip('mounts are not allowed here')
    }
    try {
      const { code, stderr } = await setup(sandbox)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /something is mounted on it\nhint: /)
      assert.equal(sandbox.read('/mounted'), 'mounted, and damaged')
    } finally {
      execFileSync('umount', [sandbox.path(keyPath)])
    }
    mkdirSync(sandbox.path('/elsewhere'))
    mount('/elsewhere', '/etc/ossim/framework')
    try {
      assert.equal((await setup(sandbox)).code, 0)
      assert.match(sandbox.read('/elsewhere/db_encryption_key'), new RegExp(keyA))
    } finally {
      execFileSync('umount', [sandbox.path('/etc/ossim/framework')])
    }
    countObstacles(2)
  },
)

for (const umask of ['0', '077', '0777']) {
  test(`with umask ${umask} every file gets the mode that it should have`, async () => {
    await using sandbox = await Sandbox.create('sqlite', { table: false })
    const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
    const command = [
      'sh',
      '-c',
      `umask ${umask}; exec "$@"`,
      'sh',
      process.execPath,
      programFile('frameworkd-setup'),
      ...args,
    ]
    countObstacles(1)
    const { code, stderr } = await ended(start(command))
    assert.equal(code, 0, stderr)
    const modes = {
      '/etc/ossim/framework': '755',
      [keyPath]: '400',
      '/etc/frameworkd/frameworkd.ini': '644',
      '/var/lib/frameworkd/store': '700',
      '/var/lib/frameworkd/store/config.db': '600',
      '/var/lib/frameworkd/setup/lock': '600',
      '/var/lib/frameworkd/setup/result.json': '644',
      '/var/log/ossim': '755',
    }
    for (const [path, mode] of Object.entries(modes)) assert.equal(sandbox.mode(path), mode, path)
  })
}

test('a program planted in PATH is not run', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const planted = sandbox.path('/planted')
  mkdirSync(planted)
  for (const program of ['flock', 'chroot', 'alienvault-system-id', 'systemctl', 'sh', 'node']) {
    writeFileSync(join(planted, program), `#!/bin/sh\necho run > ${sandbox.path('/was-run')}\n`, { mode: 0o755 })
  }
  countObstacles(1)
  const { code, stderr } = await setup(sandbox, [], { PATH: `${planted}:/usr/bin:/bin` })
  assert.equal(code, 0, stderr)
  assert.equal(existsSync(sandbox.path('/was-run')), false)
})

test('a link in the middle of the root that leads outside stays inside it', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using other = await Sandbox.create('sqlite')
  symlinkSync(`../../../../../..${other.root}`, sandbox.path('/etc/ossim'))
  countObstacles(1)
  const { code } = await setup(sandbox)
  assert.ok(code === 0 || code === 1)
  assert.equal(existsSync(other.path('/framework')), false)
  assert.equal(lstatSync(other.root).isDirectory(), true)
  assert.equal(readFileSync(other.path('/etc/passwd'), 'utf8').includes('www-data'), true)
})
