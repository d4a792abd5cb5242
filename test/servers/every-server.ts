/** What has to hold on each kind of server, with what it can be set to. Its place is in the environment. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Key } from '../../src/key/key.ts'
import { encryptedPlaces } from '../../src/store/encrypted-places.ts'
import { openMysqlStore, type ServerAddress } from '../../src/store/mysql/mysql.ts'
import { Secret } from '../../src/text/secret.ts'
import { query } from '../support/mariadb.ts'
import { createOssimSchema, fillPlace, valuesOfPlace } from '../support/ossim-schema.ts'
import { keyA, keyB, Sandbox, socketOfRun } from '../support/sandbox.ts'

const isMariaDb = process.env.TEST_SERVER_KIND?.startsWith('MariaDB') ?? true
const [a, b] = [Key.parse(keyA) as Key, Key.parse(keyB) as Key]
const administer = (sql: string, parameters: unknown[] = []) => query(socketOfRun(), undefined, sql, parameters)

function open({ database, password }: Sandbox, address: Partial<ServerAddress> = {}) {
  const account = { database, user: database, password: new Secret(password) }
  const tcp = { host: '127.0.0.1', port: Number(process.env.TEST_MARIADB_PORT) }
  return openMysqlStore({ ...tcp, ...account, ...address }, { signal: new AbortController().signal })
}

/** The first run claims, and the second finds nothing to do. */
async function assertWorks(sandbox: Sandbox): Promise<void> {
  const first = await sandbox.setup(['--tags', 'identity'])
  assert.equal(first.code, 0, first.stderr)
  assert.equal(await sandbox.keyInRow(), sandbox.keyInFile())
  assert.match((await sandbox.setup(['--tags', 'identity'])).stdout, /changed=0/)
}

const sqlModes = [
  '',
  'ANSI',
  'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH',
  'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY',
  ...(isMariaDb ? ['ORACLE', 'MSSQL,NO_AUTO_VALUE_ON_ZERO'] : []),
]
const settings = [
  ...sqlModes.map((mode) => ['sql_mode', `'${mode}'`]),
  ...['latin1', 'ucs2', 'utf16', 'utf8mb4'].map((charset) => ['character_set_server', charset]),
  ['autocommit', '0'],
  ['init_connect', "'SET NAMES latin1'"],
  [isMariaDb ? 'tx_isolation' : 'transaction_isolation', "'SERIALIZABLE'"],
] as const

for (const [name, value] of settings) {
  test(`mysql: with ${name} = ${value} row and file hold one key, and stored values are looked at`, async () => {
    const [[before] = []] = await administer(`SELECT @@GLOBAL.${name}`)
    await using filled = await Sandbox.create('mysql')
    await using empty = await Sandbox.create('mysql')
    await createOssimSchema(filled)
    for (const place of encryptedPlaces) await fillPlace(filled, place, keyA)
    await administer(`SET GLOBAL ${name} = ${value}`)
    try {
      await assertWorks(empty)
      await using store = await open(filled)
      const { sampled, decrypted } = await store.examine([a, b])
      const wanted = encryptedPlaces.length * valuesOfPlace
      assert.deepEqual([sampled, ...decrypted.values()], [wanted, wanted, 0])
    } finally {
      await administer(`SET GLOBAL ${name} = ?`, [before])
    }
  })
}

test('mysql: whatever block_encryption_mode the server has, the right key is proven', async (t) => {
  const modes = ['aes-256-ecb', 'aes-128-cbc', 'aes-256-cbc']
  await using sandbox = await Sandbox.create('mysql')
  await createOssimSchema(sandbox)
  for (const place of encryptedPlaces) await fillPlace(sandbox, place, keyA)
  for (const mode of modes) {
    try {
      await administer(`SET GLOBAL block_encryption_mode = '${mode}'`)
    } catch (error) {
      return t.skip(`this server has none: ${error}`)
    }
    await using store = await open(sandbox)
    const { sampled, decrypted } = await store.examine([a, b])
    assert.deepEqual([...decrypted.values()], [sampled, 0])
  }
  await administer("SET GLOBAL block_encryption_mode = 'aes-128-ecb'")
})

test('mysql: with TLS demanded of everybody the server is reached over TCP and over its socket', async (t) => {
  const [[tls] = []] = await administer(isMariaDb ? "SELECT @@have_ssl = 'YES'" : 'SELECT 1')
  if (Number(tls) !== 1) return t.skip('this server has no certificate')
  await using sandbox = await Sandbox.create('mysql')
  await administer('SET GLOBAL require_secure_transport = ON')
  try {
    await assertWorks(sandbox)
    await using overSocket = await open(sandbox, { socket: socketOfRun() })
    await overSocket.rows()
    await using required = await open(sandbox, { sslMode: 'required' })
    await required.rows()
  } finally {
    await administer('SET GLOBAL require_secure_transport = OFF')
  }
})

/** Ways to log in, and whether we have them. */
const methods: readonly [name: string, isOurs: boolean, identified: string][] = [
  ['mysql_native_password', true, "WITH mysql_native_password BY 'secret'"],
  ['caching_sha2_password', true, "WITH caching_sha2_password BY 'secret'"],
  ['sha256_password', true, "WITH sha256_password BY 'secret'"],
  ['ed25519', false, "VIA ed25519 USING PASSWORD('secret')"],
  ['parsec', false, "VIA parsec USING PASSWORD('secret')"],
]
for (const [name, isOurs, identified] of methods) {
  test(`mysql: an account with ${name} ${isOurs ? 'logs in' : 'is refused with 2, and told why'}, where the server has it`, async (t) => {
    if (isMariaDb) await administer(`INSTALL SONAME 'auth_${name}'`).catch(() => {})
    await using sandbox = await Sandbox.create('mysql')
    const user = `${sandbox.database}@localhost`
    try {
      const spelt = isMariaDb ? identified.replace(/^WITH (\w+) BY ('\w+')/, 'VIA $1 USING PASSWORD($2)') : identified
      await administer(`DROP USER ${user}`)
      await administer(`CREATE USER ${user} IDENTIFIED ${spelt}`)
      await administer(`GRANT ALL ON ${sandbox.database}.* TO ${user}`)
    } catch (error) {
      return t.skip(`this server has none: ${error}`)
    }
    const password = new Secret('secret')
    for (const address of [{}, { socket: socketOfRun() }]) {
      const reading = open(sandbox, { ...address, password }).then(async (store) => {
        await using opened = store
        await opened.rows()
      })
      if (isOurs) await reading
      else await assert.rejects(reading, { code: 'database-refused', message: /way to log in/ })
    }
    const wrong = open(sandbox, { password: new Secret('another') })
    await assert.rejects(wrong, { code: 'database-refused' })
  })
}

test('mysql: eight machines at once end with one key', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const keys = Array.from({ length: 8 }, (_, index) => Key.parse(`${keyA.slice(0, -1)}${index}`) as Key)
  const winners = await Promise.all(
    keys.map(async (key) => {
      await using store = await open(sandbox)
      return String(await store.claimRow(key))
    }),
  )
  assert.equal(new Set([...winners, await sandbox.keyInRow()]).size, 1)
})

test('mysql: a server that takes no writes is to be tried later, an account without rights is refused', async () => {
  await using sandbox = await Sandbox.create('mysql')
  await administer('SET GLOBAL read_only = 1')
  const readOnly = await sandbox.setup(['--tags', 'identity'])
  await administer('SET GLOBAL read_only = 0')
  assert.equal(readOnly.code, 75, readOnly.stderr)
  await administer(`REVOKE ALL ON ${sandbox.database}.* FROM ${sandbox.database}@localhost`)
  await administer(`GRANT SELECT ON ${sandbox.database}.* TO ${sandbox.database}@localhost`)
  const refused = await sandbox.setup(['--tags', 'identity'])
  assert.equal(refused.code, 2, refused.stderr)
})

test('mysql: locked accounts and expired passwords are refused, and told as such', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const user = `${sandbox.database}@localhost`
  for (const [change, message] of [
    ['ACCOUNT LOCK', /locked/],
    ['ACCOUNT UNLOCK PASSWORD EXPIRE', /expired/],
  ] as const) {
    const [first, ...rest] = change.includes('UNLOCK') ? ['ACCOUNT UNLOCK', 'PASSWORD EXPIRE'] : [change]
    for (const one of [first, ...rest]) await administer(`ALTER USER ${user} ${one}`)
    const reading = open(sandbox).then(async (store) => {
      await using opened = store
      await opened.rows()
    })
    await assert.rejects(reading, { code: 'database-refused', message })
  }
})
