/** The decision on OSSIM's own tables, filled as OSSIM fills them: each place of the catalogue alone, and all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { ownRights } from '../../src/host/processes/rights/rights.ts'
import { Key } from '../../src/key/key.ts'
import type { KeyState } from '../../src/key/key-file.ts'
import { type Decision, reconcile } from '../../src/key/reconcile.ts'
import { examine } from '../../src/keycheck/inspect.ts'
import type { ConfigStore } from '../../src/store/config-store.ts'
import { encryptedPlaces } from '../../src/store/encrypted-places.ts'
import { openMysqlStore } from '../../src/store/mysql/mysql.ts'
import { EmbeddedFile } from '../../src/store/sqlite/embedded-file.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { Secret } from '../../src/text/secret.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { someOf } from '../support/extent.ts'
import { createOssimSchema, fillPlace, valuesOfPlace } from '../support/ossim-schema.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, socketOfRun } from '../support/sandbox.ts'

const [a, b] = [Key.parse(keyA) as Key, Key.parse(keyB) as Key]
const good = (key: Key): KeyState => ({ kind: 'good', key })
const [absent, damaged]: KeyState[] = [{ kind: 'absent' }, { kind: 'damaged', reason: 'x' }]

/** File, row, and the decision where all values are encrypted with key A. */
const decisions: readonly [KeyState, KeyState, Decision['kind'] | 'key-disproved' | 'key-conflict' | 'key-damaged'][] =
  [
    [absent as KeyState, absent as KeyState, 'recover'],
    [absent as KeyState, good(a), 'copy-to-file'],
    [absent as KeyState, good(b), 'key-disproved'],
    [good(a), absent as KeyState, 'claim-row'],
    [good(b), absent as KeyState, 'key-disproved'],
    [good(a), good(a), 'keep'],
    [good(a), good(b), 'key-conflict'],
    [damaged as KeyState, good(a), 'copy-to-file'],
    [damaged as KeyState, good(b), 'key-disproved'],
    [good(a), damaged as KeyState, 'key-damaged'],
  ]

function openStore(sandbox: Sandbox): Promise<ConfigStore> {
  if (sandbox.kind === 'mysql') {
    const { database, password } = sandbox
    const address = { host: 'localhost', port: 0, socket: socketOfRun(), database, user: database }
    const options = { signal: new AbortController().signal }
    return openMysqlStore({ ...address, password: new Secret(password) }, options)
  }
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, ownRights), ownRights)
}

for (const places of someOf([[], ...encryptedPlaces.map((place) => [place]), encryptedPlaces], 2)) {
  const [first] = places
  const where = places.length > 1 ? 'all places' : first ? `${first.table}.${first.column}` : 'no place'
  testOnEachStore(
    `with values in ${where} the right key is proven, the wrong one disproved, and no other value counts`,
    async (kind) => {
      await using sandbox = await Sandbox.create(kind)
      await createOssimSchema(sandbox)
      for (const place of places) await fillPlace(sandbox, place, keyA)
      await using store = await openStore(sandbox)
      const { sampled, decrypted } = await store.examine([a, b])
      const wanted = places.length * valuesOfPlace
      assert.deepEqual({ sampled, decrypted: [...decrypted.values()] }, { sampled: wanted, decrypted: [wanted, 0] })
      if (places.length === 0) return
      const proof = await examine(store, [a, b])
      for (const [file, row, expected] of decisions) {
        const decision = reconcile(file, row, proof)
        assert.equal(decision.kind === 'refuse' ? decision.refusal.code : decision.kind, expected)
      }
    },
  )
}

testOnEachStore('a place with many values does not keep another from being looked at', async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  await createOssimSchema(sandbox)
  const [config, databases] = encryptedPlaces
  assert.ok(config && databases)
  for (let count = 0; count < 20; count += 1) await fillPlace(sandbox, databases, keyB)
  await fillPlace(sandbox, config, keyA)
  await using store = await openStore(sandbox)
  const { sampled, decrypted } = await store.examine([a, b])
  assert.deepEqual([sampled, ...decrypted.values()], [64, valuesOfPlace, 64 - valuesOfPlace])
})

testOnEachStore("with OSSIM's values, whole runs lose no key, and say how many values they looked at", async (kind) => {
  await using sandbox = await Sandbox.create(kind)
  await createOssimSchema(sandbox)
  for (const place of encryptedPlaces) await fillPlace(sandbox, place, keyA)
  const count = encryptedPlaces.length * valuesOfPlace
  const run = () => sandbox.setup(['--tags', 'identity'])

  const lost = await run()
  assert.equal(lost.code, 3)
  assert.match(lost.stderr, new RegExp(`has encrypted ${count} stored values`))
  sandbox.write('/etc/alienvault/system-id', keyB.toLowerCase())
  assert.match((await run()).stderr, new RegExp(`the system id decrypts none of ${count} stored values`))
  assert.throws(() => sandbox.read(keyPath), /ENOENT/)

  await sandbox.setRow('encryption_key', keyB)
  const wrong = await run()
  assert.equal(wrong.code, 3)
  assert.match(wrong.stderr, new RegExp(`decrypts none of ${count} stored values`))

  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  const conflict = await run()
  assert.equal(conflict.code, 3)
  assert.match(conflict.stderr, new RegExp(`proven, it decrypts ${count} of ${count} stored values`))
  assert.match(conflict.stderr, new RegExp(`disproved, it decrypts none of ${count} stored values`))
  assert.match(conflict.stderr, /--adopt file/)

  await sandbox.sql("DELETE FROM config WHERE conf = 'encryption_key'")
  sandbox.write('/etc/alienvault/system-id', keyA.toLowerCase())
  const { code, stderr } = await sandbox.setup(['--tags', 'identity'])
  assert.equal(code, 0, stderr)
  assert.equal(await sandbox.keyInRow(), keyA)
})

test('mysql: of a long value the beginning and the end are enough, whatever lies between', async () => {
  await using sandbox = await Sandbox.create('mysql')
  await sandbox.sql('CREATE TABLE user_config (category VARCHAR(64), value MEDIUMTEXT)')
  const sql = `INSERT INTO user_config WITH RECURSIVE numbers AS
    (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 70)
    SELECT 'credentials', HEX(AES_ENCRYPT(REPEAT('<xml>\n', n * 997), ?)) FROM numbers`
  await sandbox.sql(sql, [keyA])
  await using store = await openStore(sandbox)
  const { sampled, decrypted } = await store.examine([a, b])
  assert.deepEqual([sampled, ...decrypted.values()], [64, 64, 0])
})

for (const [what, change, unique] of [
  ['without a key on conf', 'DROP PRIMARY KEY', false],
  ['with a key that is not unique', 'DROP PRIMARY KEY, ADD KEY (conf)', false],
  ['with a key over more than conf', 'DROP PRIMARY KEY, ADD PRIMARY KEY (conf, value(10))', false],
  ['with a unique key', 'DROP PRIMARY KEY, ADD UNIQUE KEY (conf)', true],
  [
    'with a number for each row',
    'DROP PRIMARY KEY, ADD id INT AUTO_INCREMENT PRIMARY KEY, ADD UNIQUE KEY (conf)',
    true,
  ],
] as const) {
  test(`mysql: a table config ${what} is ${unique ? 'taken' : 'refused with 2, and nothing is written'}`, async () => {
    await using sandbox = await Sandbox.create('mysql')
    if (change.includes('value(10)'))
      await sandbox.sql('ALTER TABLE config MODIFY value TEXT CHARACTER SET latin1 NOT NULL')
    await sandbox.sql(`ALTER TABLE config ${change}`)
    const before = await sandbox.dump()
    const { code, stderr } = await sandbox.setup(['--tags', 'identity'])
    assert.equal(code, unique ? 0 : 2, stderr)
    if (unique) return
    assert.match(stderr, /no key on conf.*\nhint: .*ADD PRIMARY KEY \(conf\)/)
    assert.equal(await sandbox.dump(), before)
    assert.throws(() => sandbox.read(keyPath), /ENOENT/)
  })
}
