/** `key rotate` among values, tables and servers that are not as they should be: no value is lost. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { createConnection } from 'mysql2/promise'
import { aesDecrypt, aesEncrypt } from '../../src/key/aes.ts'
import { ageSeal, makeIdentity, needsAge } from '../support/age.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { leftOut, someOf } from '../support/extent.ts'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { ended, run, start } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, type StoreKind } from '../support/sandbox.ts'
import { until } from '../support/until.ts'

/** Its global variables are changed, and set back: no other file's tests run on it. */
let ownServer: MariaDb

before(async () => {
  ownServer = await startMariaDb()
})
after(() => ownServer?.[Symbol.asyncDispose]())

const quickly = ['--yes', '--no-backup', '--no-second-look']

function rotate(sandbox: Sandbox, ...args: string[]) {
  const fixed = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
  return run('frameworkd-setup', ['key', 'rotate', ...fixed, ...quickly, ...args])
}

/** File and row hold a key; there are no values. */
async function machineWithKey(kind: StoreKind, key = keyA, server?: MariaDb): Promise<Sandbox> {
  const sandbox = await Sandbox.create(kind, { ...(server && { server }) })
  sandbox.write(keyPath, keyFileText(key), 0o400)
  await sandbox.setRow('encryption_key', key)
  return sandbox
}

/** What a server may do to a value on its way into the table. */
const changes: readonly [what: string, row: string][] = [
  ['a trigger that cuts values', "NEW.conf = 'a_pass'"],
  ['a trigger that cuts the row of superseded keys', "NEW.conf = 'encryption_key_superseded'"],
  ['a trigger that cuts the row of the key', "NEW.conf = 'encryption_key'"],
]
for (const [what, row] of someOf(changes, 1)) {
  test(`${what}: the rotation is undone, and says where`, async () => {
    await using sandbox = await machineWithKey('mysql')
    await sandbox.setRow('a_pass', aesEncrypt('secret', keyA))
    await sandbox.sql(
      `CREATE TRIGGER cut BEFORE UPDATE ON config FOR EACH ROW SET NEW.value = IF(${row}, LEFT(NEW.value, 8), NEW.value)`,
    )
    const [before, tree] = [await sandbox.dump(), sandbox.tree()]
    const { code, stderr } = await rotate(sandbox)
    assert.equal(code, 2, stderr)
    assert.match(stderr, /config\.value of \S+ on \S+ does not keep what is written to it; nothing was changed\nhint: /)
    assert.deepEqual([await sandbox.dump(), sandbox.tree()], [before, tree])
  })
}

test('hexadecimal texts in lower case, or without their first zero, are encrypted anew as any others', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWithKey('mysql')
  await sandbox.sql('CREATE TABLE user_config (login VARCHAR(64), category VARCHAR(64), value MEDIUMTEXT)')
  let hex = ''
  for (let count = 0; !hex.startsWith('0'); count += 1) hex = aesEncrypt(`secret ${count}`, keyA).toString('hex')
  for (const text of [hex, hex.slice(1)])
    await sandbox.sql("INSERT INTO user_config VALUES ('a', 'credentials', ?)", [text])
  const { code, stderr } = await rotate(sandbox)
  assert.equal(code, 0, stderr)
  const key = String(await sandbox.keyInRow())
  const stored = await sandbox.sql('SELECT value FROM user_config')
  assert.deepEqual(
    stored.map(([text]) => /^secret /.test(String(aesDecrypt(Buffer.from(String(text), 'hex'), key)))),
    [true, true],
  )
})

testOnEachStore(
  'a rotation that left every value undecryptable, and died before the file, is finished by apply',
  async (kind) => {
    await using sandbox = await machineWithKey(kind)
    await sandbox.addEncrypted(keyB)
    const { code, stderr } = await rotate(sandbox, '--leave-undecryptable')
    assert.equal(code, 0, stderr)
    const key = await sandbox.keyInRow()
    sandbox.write(keyPath, '', 0o600)
    sandbox.write(keyPath, keyFileText(keyA))
    const applied = await sandbox.setup(['--tags', 'key'])
    assert.equal(applied.code, 0, applied.stderr)
    assert.match(applied.stdout, /changed +encryption-key +bring .* forward/)
    assert.match(applied.stdout, /warning: .*decrypts none of 3 stored values/)
    assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [key, key])
    const kept = sandbox.keptAside().map((name) => sandbox.read(`/etc/ossim/framework/${name}`))
    assert.ok(kept.includes(keyFileText(keyA)), 'the old key is kept')
  },
)

test('--diff shows which key is replaced, and not the new one', async () => {
  await using sandbox = await machineWithKey('sqlite')
  const { code, stdout, stderr } = await rotate(sandbox, '--check', '--diff')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /-key=\[fingerprint 372b3af5\]\n.*\+key=\[new, hidden\]/)
})

/** While our server sends and takes no more than 64 KiB at once. */
async function withSmallPackets<T>(work: () => Promise<T>): Promise<T> {
  const limit = (bytes: number) => query(ownServer.socket, undefined, `SET GLOBAL max_allowed_packet = ${bytes}`)
  await limit(65_536)
  try {
    return await work()
  } finally {
    await limit(16 * 1024 * 1024)
  }
}

test('a value that the server does not send whole is told of, and none is left behind', { skip: leftOut }, async () => {
  await using sandbox = await machineWithKey('mysql', keyA, ownServer)
  await sandbox.setRow('long_pass', aesEncrypt('y'.repeat(40_000), keyA))
  await sandbox.setRow('short_pass', aesEncrypt('secret', keyA))
  const before = await sandbox.dump()
  const { code, stderr } = await withSmallPackets(() => rotate(sandbox))
  assert.equal(code, 2, stderr)
  assert.match(stderr, /config\.value holds a value .*\nhint: raise max_allowed_packet/)
  assert.equal(await sandbox.dump(), before)
})

test('values that are more than the server takes at once are told of, and none is changed', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWithKey('mysql', keyA, ownServer)
  const rowOf = (index: number) =>
    `('${index}_pass', x'${aesEncrypt(`${index} ${'y'.repeat(300)}`, keyA).toString('hex')}')`
  await sandbox.sql(`INSERT INTO config VALUES ${Array.from({ length: 200 }, (_, index) => rowOf(index)).join(', ')}`)
  const before = await sandbox.dump()
  const { code, stderr } = await withSmallPackets(() => rotate(sandbox))
  assert.equal(code, 2, stderr)
  assert.match(stderr, /a statement is larger than it takes at once\nhint: raise max_allowed_packet on the server/)
  assert.equal(await sandbox.dump(), before)
  assert.equal((await rotate(sandbox)).code, 0)
})

test('a view in the place of a table is told before anything is written', { skip: leftOut }, async () => {
  await using sandbox = await machineWithKey('mysql')
  await sandbox.sql('CREATE TABLE behind (login VARCHAR(64), category VARCHAR(64), value MEDIUMTEXT)')
  await sandbox.sql('CREATE VIEW user_config AS SELECT * FROM behind')
  const [before, tree] = [await sandbox.dump(), sandbox.tree()]
  const { code, stderr } = await rotate(sandbox)
  assert.equal(code, 2, stderr)
  assert.match(stderr, /user_config of \S+ on \S+ is a view, .*\nhint: put the table in its place .*DROP VIEW/)
  assert.deepEqual([await sandbox.dump(), sandbox.tree()], [before, tree])
})

/** Who holds the server, until what is returned is called. */
const holders: readonly [
  what: string,
  hold: (server: MariaDb) => Promise<() => Promise<unknown>>,
  says: RegExp,
  takesSeconds: boolean,
][] = [
  [
    'a read-only server',
    async ({ socket }) => {
      await query(socket, undefined, 'SET GLOBAL read_only = 1')
      return () => query(socket, undefined, 'SET GLOBAL read_only = 0')
    },
    /it is read-only\nhint: wait for the failover/,
    false,
  ],
  [
    'a backup that holds FLUSH TABLES WITH READ LOCK',
    async ({ socket }) => {
      const backup = await createConnection({ socketPath: socket, user: process.env.USER ?? 'root' })
      await backup.query('FLUSH TABLES WITH READ LOCK')
      return () => backup.end()
    },
    /a lock was held too long.*\nhint: .*a backup/,
    true,
  ],
]
for (const [what, hold, says, takesSeconds] of holders) {
  test(`${what}: a rotation ends with 75, and nothing is written`, {
    skip: takesSeconds && leftOut,
  }, async () => {
    await using sandbox = await machineWithKey('mysql', keyA, ownServer)
    await sandbox.addEncrypted(keyA)
    const [before, tree] = [await sandbox.dump(), sandbox.tree()]
    const release = await hold(ownServer)
    const { code, stderr } = await rotate(sandbox).finally(release)
    assert.equal(code, 75, stderr)
    assert.match(stderr, says)
    assert.deepEqual([await sandbox.dump(), sandbox.tree()], [before, tree])
    assert.equal((await rotate(sandbox)).code, 0)
  })
}

test('a server that goes away after the rotation does not make it a failed one', { skip: leftOut }, async () => {
  await using sandbox = await machineWithKey('mysql')
  const fixed = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
  const options = ['--yes', '--no-backup', '--output', 'json']
  const rotation = start('frameworkd-setup', ['key', 'rotate', ...fixed, ...options])
  const end = ended(rotation)
  let told = ''
  rotation.stderr?.on('data', (text) => {
    told += text
  })
  await until(() => /looking for late writers/.test(told))
  await sandbox.sql('RENAME TABLE config TO config_moved')
  await until(() => /cannot be looked for/.test(told) || rotation.exitCode !== null)
  rotation.kill('SIGINT')
  const { code, stdout } = await end
  assert.equal(code, 0)
  assert.equal(JSON.parse(stdout).outcome, 'changed')
})

test('the backup of a key that was replaced is not imported, and apply puts the right one in place', {
  skip: leftOut || needsAge.skip,
}, async () => {
  await using sandbox = await machineWithKey('sqlite')
  await sandbox.addEncrypted(keyA)
  const [identity, sealed] = [makeIdentity(sandbox.path('/operator')), sandbox.path('/operator/key.age')]
  ageSeal(keyFileText(keyA), sealed, identity)
  assert.equal((await rotate(sandbox)).code, 0)
  rmSync(sandbox.path(keyPath))
  const { code, stderr } = await sandbox.setup(['key', 'import', '--from', sealed, '--identity', identity.file])
  assert.equal(code, 3)
  assert.match(
    stderr,
    /was replaced in a rotation, and row encryption_key .*\nhint: .*: frameworkd-setup --root \S+\n$/,
  )
  assert.equal((await sandbox.setup()).code, 0)
  assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
})

test('where a new key comes from is one of two places', async () => {
  await using sandbox = await machineWithKey('sqlite')
  const { code, stderr } = await rotate(sandbox, '--key-source', 'auto')
  assert.equal(code, 2)
  assert.match(stderr, /auto is not for key rotate\nhint: choose one: random, or system-id\n$/)
  assert.equal(await sandbox.keyInRow(), keyA)
})
