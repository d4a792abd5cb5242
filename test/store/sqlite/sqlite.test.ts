/** The embedded store is the owner's, or a stranger's gift in an image: what it holds is data, not authority. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Readable, Writable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KnownError } from '../../../src/errors.ts'
import { Host } from '../../../src/host/host.ts'
import { ownRights, type Rights } from '../../../src/host/processes/rights/rights.ts'
import { Key } from '../../../src/key/key.ts'
import type { ConfigStore } from '../../../src/store/config-store.ts'
import { EmbeddedFile } from '../../../src/store/sqlite/embedded-file.ts'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite.ts'
import { inTurns, leftOut } from '../../support/extent.ts'
import { run } from '../../support/programs.ts'
import { keyA, Sandbox } from '../../support/sandbox.ts'
import { withEndlessSchema, withEndlessTable, withSuperJournal } from '../support/crafted-database.ts'

const storePath = '/var/lib/frameworkd/store/config.db'
const isRoot = process.getuid?.() === 0
const needsRoot = { skip: !isRoot && 'needs root' }
const stranger = 4242

function openStore(sandbox: Sandbox): Promise<ConfigStore> {
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, ownRights), ownRights)
}

/** The error of reading the rows. */
async function refusalOf(sandbox: Sandbox): Promise<KnownError> {
  await using store = await openStore(sandbox)
  const error = await store.rows().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof KnownError, `${error}`)
  assert.notEqual(error.hint, '')
  return error
}

const schemas: Readonly<Record<string, string>> = {
  'a trigger': 'CREATE TRIGGER t AFTER UPDATE ON config BEGIN DELETE FROM config; END',
  'a view': 'CREATE VIEW v AS SELECT 1',
  'an index': 'CREATE INDEX i ON config (value)',
  'an index over an expression': "CREATE INDEX i ON config (value LIKE '%a%a%')",
  'a generated column': 'CREATE TABLE t (a, b GENERATED ALWAYS AS (a || a) STORED)',
  'a generated column in short': 'CREATE TABLE t (a, b AS (a || a))',
  'a CHECK constraint': "CREATE TABLE t (a, check(a NOT GLOB '*a*'))",
  'a default that is an expression': 'CREATE TABLE t (a DEFAULT (randomblob(10)))',
  'a virtual table': 'CREATE VIRTUAL TABLE t USING fts5(a)',
}

for (const [name, sql] of Object.entries(schemas)) {
  test(`the embedded store is refused when it holds ${name}`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    await sandbox.sql(sql)
    const { code, message } = await refusalOf(sandbox)
    assert.equal(code, 'database-refused')
    assert.match(message, /: it holds an? /)
  })
}

test('a trigger that never ends is refused with 2 by setup and by check mode, and the store stays as it is', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await sandbox.sql(`CREATE TRIGGER t BEFORE INSERT ON config BEGIN
    INSERT INTO config SELECT n, n FROM (WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r); END`)
  const before = sandbox.read(storePath)
  for (const args of [[], ['--check']]) {
    const { code, stderr } = await sandbox.setup(args)
    assert.equal(code, 2, stderr)
    assert.match(stderr, /it holds a trigger\nhint: /)
  }
  assert.equal(sandbox.read(storePath), before)
})

test('a trigger that the owner adds while the store is open is not run', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using store = await openStore(sandbox)
  assert.equal((await store.rows()).has('encryption_key'), false)
  await sandbox.sql(schemas['a trigger'] ?? '')
  await assert.rejects(
    store.createSchema(),
    (error) => error instanceof KnownError && error.code === 'database-refused',
  )
})

test('names, texts and comments may hold the words of refused parts', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await sandbox.sql(
    `CREATE TABLE "check" ([as] TEXT DEFAULT 'check (as)' /* CHECK ( */, \`default\` INT DEFAULT -1 -- as (
    , PRIMARY KEY ("as"))`,
  )
  await using store = await openStore(sandbox)
  assert.equal((await store.rows()).has('encryption_key'), false)
})

test('a crafted file whose trees have no end is refused, and does not hold us up', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const at = sandbox.path(storePath)
  const whole = readFileSync(at)
  writeFileSync(at, withEndlessSchema(whole))
  assert.match((await refusalOf(sandbox)).message, /its schema is larger than/)
  writeFileSync(at, withEndlessTable(whole))
  assert.match((await refusalOf(sandbox)).message, /it is damaged/)
})

test('a file that its owner makes endless while root reads it has an end, with a word', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.giveToOwner()
  const program = fileURLToPath(new URL('../support/rewrite-while-open.ts', import.meta.url))
  const { signal, stderr } = spawnSync(process.execPath, [program, sandbox.root], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  assert.equal(signal, 'SIGKILL', stderr)
  assert.match(stderr, /^database .*config\.db: reading it did not end within 2 s.*\nhint: .*\n$/)
})

/** Our own rights; the owner is at work before one of the pieces of work that are done with them. */
function rightsBehind(turn: number, atWork: () => void): Rights {
  let count = 0
  return {
    run(work) {
      count += 1
      if (count === turn) atWork()
      return work()
    },
  }
}

/** Another process that has the store open, and runs one text of SQL after the other. */
class OtherProgram implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>

  constructor(path: string) {
    const script = `
      const database = new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 50 })
      process.stdin.on('data', (sql) => {
        try { database.exec(String(sql)); console.log('done') } catch (error) { console.log(error.message) }
      })`
    this.#child = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  async exec(sql: string): Promise<void> {
    this.#child.stdin.write(sql)
    const [said] = await once(this.#child.stdout, 'data')
    assert.equal(String(said), 'done\n', sql)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }
}

test('a file that is put in the place of the store between a look and the opening is not read', async () => {
  for (let turn = 1; turn <= 3; turn += 1) {
    await using sandbox = await Sandbox.create('sqlite')
    const at = sandbox.path(storePath)
    let isExchanged = false
    const rights = rightsBehind(turn, () => {
      writeFileSync(`${at}-other`, withEndlessSchema(readFileSync(at)))
      renameSync(`${at}-other`, at)
      isExchanged = true
    })
    const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    await using store = await openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, rights), rights)
    await assert.rejects(
      store.schema(),
      (error) => error instanceof KnownError && error.code === 'busy' && /exchanged/.test(error.message),
    )
    assert.equal(isExchanged, true, `${turn}`)
  }
})

test('a statement is one piece of work with the rights of the owner, the first one three, and none is within another', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  let pieces = 0
  let isAtWork = false
  const rights: Rights = {
    run(work) {
      assert.equal(isAtWork, false)
      isAtWork = true
      pieces += 1
      try {
        return work()
      } finally {
        isAtWork = false
      }
    },
  }
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  await using store = await openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, rights), rights)
  // The catalogue and the rows: before the first, the journal and the file are looked at.
  await store.rows()
  assert.equal(pieces, 4)
  await store.requireWritable()
  assert.equal(pieces, 5)
})

test('a statement that fails ends its transaction, and the next one works', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const at = sandbox.path(storePath)
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  await using store = await openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, ownRights), ownRights, 50)
  await using other = new OtherProgram(at)
  // At the opening, at BEGIN, at COMMIT (which waits for readers), and at the look at the schema.
  for (const [hold, release, code] of [
    ['BEGIN EXCLUSIVE', 'ROLLBACK', 'busy'],
    ['BEGIN IMMEDIATE', 'ROLLBACK', 'busy'],
    ['BEGIN; SELECT COUNT(*) FROM config', 'ROLLBACK', 'busy'],
    [schemas['a trigger'] ?? '', 'DROP TRIGGER t', 'database-refused'],
  ] as const) {
    await other.exec('DELETE FROM config')
    await other.exec(hold)
    await assert.rejects(
      store.createSchema(),
      (error) => error instanceof KnownError && error.code === code,
      `${hold} should give ${code}`,
    )
    await other.exec(release)
    // Nobody else could write if our transaction were still open.
    await other.exec('BEGIN EXCLUSIVE; ROLLBACK')
    await store.createSchema()
  }
})

test('a store that is removed while it is open is told as exchanged, 75', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using store = await openStore(sandbox)
  await store.rows()
  rmSync(sandbox.path(storePath))
  const key = Key.parse(keyA) ?? assert.fail()
  await assert.rejects(
    store.claimRow(key),
    (error) => error instanceof KnownError && error.code === 'busy' && /removed or exchanged/.test(error.message),
  )
})

test('a store that its own account may not read is 2, with a hint, for every program', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.giveToOwner()
  for (const path of [storePath, '/var/lib/frameworkd/store']) {
    const mode = sandbox.mode(path)
    chmodSync(sandbox.path(path), 0)
    const root = ['--root', sandbox.root]
    for (const { code, stderr } of [
      await sandbox.setup(),
      await sandbox.setup(['--check']),
      await run('frameworkd-setup', ['seal', '--check', ...root], { env: { FRAMEWORKD_STORE: 'sqlite' } }),
      await run('frameworkd', ['verify', ...root], { env: { FRAMEWORKD_STORE: 'sqlite' } }),
      await run('frameworkd', ['run', ...root], { env: { FRAMEWORKD_STORE: 'sqlite' } }),
    ]) {
      assert.equal(code, 2, stderr)
      assert.match(stderr, /config\.db: (its own account may not read it|it cannot be opened)\n.*hint: /s)
      assert.doesNotMatch(stderr, /bug| {4}at /)
    }
    chmodSync(sandbox.path(path), Number.parseInt(mode, 8))
  }
})

test('a store on which its owner holds a lease is 75, with a hint', { skip: leftOut || needsRoot.skip }, async () => {
  for (const suffix of ['', '-journal']) {
    await using sandbox = await Sandbox.create('sqlite')
    sandbox.giveToOwner()
    const at = sandbox.path(storePath + suffix)
    if (suffix !== '') writeFileSync(at, 'x')
    chownSync(at, 33, 33)
    using stack = new DisposableStack()
    const holder = spawn('python3', ['-c', leased, at], { stdio: ['ignore', 'pipe', 'inherit'] })
    stack.defer(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    const { code, stderr } = await sandbox.setup(['--check'])
    assert.equal(code, 75, stderr)
    assert.match(stderr, /config\.db: another program holds it\nhint: /)
  }
})

/** It does not give it back when somebody else opens the file (fcntl(2), F_SETLEASE). */
const leased = `
import fcntl, os, signal, sys, time
os.setgid(33); os.setuid(33)
signal.signal(signal.SIGIO, lambda *_: None)
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('leased', flush=True)
while True: time.sleep(1)`

test('a journal that names another file has that file neither read nor removed', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write('/victim', 'whole\n')
  writeFileSync(sandbox.path(`${storePath}-journal`), withSuperJournal(sandbox.path('/victim')))
  assert.match((await refusalOf(sandbox)).message, /names another file/)
  assert.equal(sandbox.read('/victim'), 'whole\n')
})

test('a store with a write-ahead log, a file that is too large, and one that is no database are told as such', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const at = sandbox.path(storePath)
  const whole = readFileSync(at)
  const database = new DatabaseSync(at)
  database.exec('PRAGMA journal_mode = WAL')
  database.close()
  assert.match((await refusalOf(sandbox)).hint, /journal_mode = DELETE/)
  writeFileSync(at, whole)
  truncateSync(at, 64 * 1024 * 1024 + 1)
  assert.match((await refusalOf(sandbox)).message, /is larger than/)
  writeFileSync(at, 'text\n'.repeat(1000))
  assert.match((await refusalOf(sandbox)).message, /is not a SQLite database/)
})

/** What may stand there, each made beside a file outside of the root that must stay as it is. */
const planted: Readonly<Record<string, (at: string, outside: string) => void>> = {
  'a link to a file outside': (at, outside) => symlinkSync(outside, at),
  'a link to nothing outside': (at, outside) => symlinkSync(`${outside}-new`, at),
  'a second name of a file outside': (at, outside) => linkSync(outside, at),
  'a folder': (at) => mkdirSync(at),
  'a fifo': (at) => execFileSync('mkfifo', [at]),
}

for (const [index, suffix] of ['', '-journal', '-wal', '-shm'].entries()) {
  for (const [name, plant] of inTurns(Object.entries(planted), index)) {
    test(`${name} as config.db${suffix} of an image is refused, in check mode too`, async () => {
      await using sandbox = await Sandbox.create('sqlite')
      await using outside = await Sandbox.create('sqlite', { table: false })
      outside.write('/file', '')
      const at = sandbox.path(storePath + suffix)
      rmSync(at, { force: true })
      plant(at, outside.path('/file'))
      const before = outside.tree()
      for (const args of [['--check'], []]) {
        const { code, stderr } = await sandbox.setup(args)
        assert.equal(code, 1, stderr)
        assert.match(stderr, /(is a link|is a folder|is not a plain file|has 2 names).*\nhint: /)
      }
      assert.equal(outside.tree(), before)
    })
  }
}

test('a store folder that is a link to one outside is not gone through, in a closed image too', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  for (const uid of [0, stranger]) {
    await using sandbox = await Sandbox.create('sqlite')
    await using outside = await Sandbox.create('sqlite')
    // An account that cannot enter the image: its rights cannot be used there.
    sandbox.write('/etc/passwd', `www-data:x:${uid}:${uid}::/:/bin/sh\n`)
    chmodSync(sandbox.root, 0o700)
    const folder = sandbox.path('/var/lib/frameworkd/store')
    rmSync(folder, { recursive: true })
    symlinkSync(outside.path('/var/lib/frameworkd/store'), folder)
    const before = outside.tree()
    for (const args of [['--check'], []]) {
      const { code, stderr } = await sandbox.setup(args)
      assert.equal(code === 0 && args.length === 0, false, stderr)
    }
    assert.equal(outside.tree(), before)
  }
})

test('a store of another account, or in a folder that others can write, is refused with 2', {
  skip: leftOut || needsRoot.skip,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const folder = sandbox.path('/var/lib/frameworkd/store')
  const refuses = async (what: RegExp) => {
    const { code, stderr } = await sandbox.setup(['--check'])
    assert.equal(code, 2, stderr)
    assert.match(stderr, what)
  }
  chownSync(sandbox.path(storePath), stranger, stranger)
  await refuses(/belongs to another account \(uid 4242\)\nhint: /)
  chownSync(sandbox.path(storePath), 0, 0)
  chmodSync(folder, 0o770)
  await refuses(/others can write its folder\nhint: /)
  chmodSync(folder, 0o700)
  chownSync(folder, stranger, stranger)
  await refuses(/its folder belongs to another account \(uid 4242\)\nhint: /)
})

test('a store below a root whose name is longer than SQLite takes is refused with 2, and nothing is made', {
  skip: leftOut,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const deep = join(sandbox.root, 'd'.repeat(200), 'e'.repeat(200), 'f'.repeat(100))
  mkdirSync(deep, { recursive: true })
  for (const name of ['etc', 'var']) renameSync(sandbox.path(name), join(deep, name))
  const { code, stderr } = await sandbox.setup(['--root', deep, '--check'])
  assert.equal(code, 2, stderr)
  assert.match(stderr, /the path of the embedded store has \d+ bytes, and SQLite takes \d+\nhint: /)
})

test('a path with every sign that is special in a URI is opened as it is', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const root = join(sandbox.root, "a b%20?mode=ro#x&vfs=none'")
  mkdirSync(root)
  for (const name of ['etc', 'var']) renameSync(sandbox.path(name), join(root, name))
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  await using store = await openSqliteStore(new EmbeddedFile(new Host(root), ids, ownRights), ownRights)
  await store.createSchema()
  assert.equal((await store.rows()).get('frameworkd_listener')?.toString(), '1')
  assert.equal(existsSync(join(root, 'var/lib/frameworkd/store/config.db')), true)
})

test('a store that was interrupted in a transaction is brought back, and used', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await sandbox.setRow('encryption_key', keyA)
  const at = sandbox.path(storePath)
  // Killed while changed pages are in the file already, and the old ones in the journal.
  spawnSync(process.execPath, ['-e', interrupted, at])
  assert.equal(existsSync(`${at}-journal`), true)
  await using store = await openStore(sandbox)
  assert.equal((await store.rows()).get('encryption_key')?.toString(), keyA)
})

const interrupted = `
  const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
  database.exec("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE config SET value = 'gone'")
  for (let n = 0; n < 500; n += 1) database.exec("INSERT INTO config VALUES ('" + n + "', hex(randomblob(500)))")
  process.kill(process.pid, 'SIGKILL')`
