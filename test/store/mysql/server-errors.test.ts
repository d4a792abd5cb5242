/** Errors of a server, by their number: what class each has, that none shows the server's words, and what survives them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ErrorCode, KnownError } from '../../../src/errors.ts'
import { Key } from '../../../src/key/key.ts'
import { openMysqlStore, type ServerAddress } from '../../../src/store/mysql/mysql.ts'
import { Secret } from '../../../src/text/secret.ts'
import { greeting, ok, serverError, startFakeServer } from '../../support/fake-server.ts'
import { type MariaDb, query, startMariaDb } from '../../support/mariadb.ts'
import { configTableSql, keyA, keyB } from '../../support/sandbox.ts'

const signal = new AbortController().signal
const key = Key.parse(keyA) as Key
const other = Key.parse(keyB) as Key
let server: MariaDb
const administer = (sql: string, parameters: unknown[] = []) => query(server.socket, 'alienvault', sql, parameters)

before(async () => {
  server = await startMariaDb('--plugin-maturity=unknown')
  await query(server.socket, undefined, 'CREATE DATABASE alienvault')
  await administer("CREATE USER ossim@localhost IDENTIFIED BY 'secret'")
  await administer('GRANT ALL ON alienvault.* TO ossim@localhost')
  await administer(configTableSql)
})
after(() => server[Symbol.asyncDispose]())

function open(address: Partial<ServerAddress> = {}) {
  const account = { database: 'alienvault', user: 'ossim', password: new Secret('secret') }
  return openMysqlStore({ ...account, host: '127.0.0.1', port: server.port, ...address }, { signal, limitMs: 5000 })
}

function is(code: ErrorCode, message: RegExp = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof KnownError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    assert.notEqual(error.hint, '')
    return true
  }
}

/** The server answers each change of a row with this error; `times` is how often. */
async function signalAtChanges(errno: number, times = 1000): Promise<void> {
  await administer('DROP TRIGGER IF EXISTS t')
  // Its rows stay when the statement is rolled back.
  await administer('CREATE OR REPLACE TABLE attempts (n INT) ENGINE=Aria TRANSACTIONAL=0')
  await administer(`CREATE TRIGGER t BEFORE UPDATE ON config FOR EACH ROW BEGIN
    DECLARE words TEXT DEFAULT CONCAT(NEW.value, ' \\r\\nhint: \\Z[31m');
    INSERT INTO attempts VALUES (1);
    IF (SELECT COUNT(*) FROM attempts) <= ${times} THEN
      SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = words;
    END IF; END`)
}

async function attempts(): Promise<number> {
  return Number((await administer('SELECT COUNT(*) FROM attempts'))[0]?.[0])
}

const classes: Readonly<Record<string, readonly number[]>> = {
  'database-unreachable': [
    ...[1020, 1040, 1047, 1053, 1114, 1129, 1180, 1203, 1205, 1213, 1226, 1290, 1317, 1615, 1792, 1836, 1927, 1969],
    ...[2003, 2006, 2013, 9001],
  ],
  'database-refused': [1044, 1045, 1049, 1064, 1130, 1142, 1143, 1227, 1251, 1524, 1698, 1820, 1862, 4151],
  'missing-schema': [1054, 1146],
  'database-failed': [1062, 1105, 1406, 3024, 4031, 12345, 65535],
}

for (const [code, numbers] of Object.entries(classes)) {
  test(`errors ${numbers.join(', ')} of MariaDB are ${code}, in words of ours, and the connection survives them`, async () => {
    await administer('REPLACE INTO config VALUES (?, ?)', ['encryption_key', keyB])
    await using store = await open()
    for (const errno of numbers) {
      await signalAtChanges(errno)
      await assert.rejects(store.replaceRow(Buffer.from(keyB), key), (error: KnownError) => {
        assert.equal(error.code, code, `${errno}: ${error.message}`)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
        assert.doesNotMatch(`${error.message} ${error.hint}`, /[\x00-\x1f]|564D1E7A|hint:/)
        return true
      })
    }
    await administer('DROP TRIGGER t')
    assert.equal(await store.replaceRow(Buffer.from(keyB), key), true)
  })
}

test("MySQL's own numbers are MySQL's, and MariaDB's are MariaDB's", async () => {
  const atLogin = async (version: string, errno: number) => {
    await using fake = await startFakeServer('127.0.0.1', async (session) => {
      session.send(greeting({ version, method: 'mysql_native_password' }))
      await session.next()
      session.send(serverError(errno, 'secret \x1b[2J'))
      session.hangUp()
    })
    const failed = await open({ port: fake.port }).then(
      () => assert.fail('it opened'),
      (error: KnownError) => error,
    )
    assert.doesNotMatch(failed.message, /secret|\[2J/)
    return failed.code
  }
  const [mysql, mariaDb] = ['8.4.0', '5.5.5-10.11.6-MariaDB']
  for (const errno of [3024, 3032, 3168, 4031]) {
    assert.equal(await atLogin(mysql, errno), 'database-unreachable', String(errno))
    assert.equal(await atLogin(mariaDb, errno), 'database-failed', String(errno))
  }
  assert.deepEqual([await atLogin(mysql, 3118), await atLogin(mariaDb, 4151)], ['database-refused', 'database-refused'])
  assert.deepEqual([await atLogin(mysql, 4151), await atLogin(mysql, 1969)], ['database-failed', 'database-failed'])
})

test('an error instead of a greeting counts', async () => {
  await using fake = await startFakeServer('127.0.0.1', async (session) => {
    session.send(serverError(1040, 'Too many connections'))
    session.hangUp()
  })
  await assert.rejects(open({ port: fake.port }), is('database-unreachable', /too many connections/))
})

test('a statement that lost a lock conflict is made again, on the same connection, and one that always loses ends', async () => {
  for (const errno of [1020, 1205, 1213]) {
    await administer('REPLACE INTO config VALUES (?, ?)', ['encryption_key', keyB])
    await using store = await open()
    await signalAtChanges(errno, 3)
    assert.equal(await store.replaceRow(Buffer.from(keyB), key), true)
    assert.equal(await attempts(), 4)
    await signalAtChanges(errno)
    await assert.rejects(store.replaceRow(Buffer.from(keyA), other), is('database-unreachable'))
    assert.equal(await attempts(), 8)
  }
  await administer('DROP TRIGGER t')
})

test('a change that its server forgets at the end of the connection is committed, and made again with its commit', async () => {
  await administer('REPLACE INTO config VALUES (?, ?)', ['encryption_key', keyB])
  await administer('SET GLOBAL autocommit = 0')
  try {
    await signalAtChanges(1213, 2)
    {
      await using store = await open()
      assert.equal(await store.replaceRow(Buffer.from(keyB), key), true)
    }
    const [[value] = []] = await administer("SELECT value FROM config WHERE conf = 'encryption_key'")
    assert.equal(value, keyA)
  } finally {
    await administer('SET GLOBAL autocommit = 1')
    await administer('DROP TRIGGER t')
  }
})

test('after missing rights the next error is the right one too', async () => {
  await administer('CREATE USER IF NOT EXISTS reader@localhost')
  await administer('GRANT SELECT ON alienvault.* TO reader@localhost')
  const { password: _, ...address } = { user: 'reader', password: undefined }
  await using store = await openMysqlStore(
    { database: 'alienvault', host: '127.0.0.1', port: server.port, ...address },
    { signal },
  )
  for (let time = 0; time < 3; time += 1)
    await assert.rejects(store.requireWritable(), is('database-refused', /rights/))
  assert.ok((await store.rows()).size > 0)
})

test('accounts that cannot log in are told apart from wrong passwords, and starting again does not help', async () => {
  const user = 'odd@localhost'
  const attempt =
    (change: string, message: RegExp, code: ErrorCode = 'database-refused') =>
    async () => {
      await administer(`CREATE OR REPLACE USER ${user} ${change}`)
      await administer(`GRANT ALL ON alienvault.* TO ${user}`)
      const opening = open({ user: 'odd' }).then(async (store) => {
        await using opened = store
        await opened.rows()
        await opened.examine([])
      })
      await assert.rejects(opening, is(code, message))
    }
  await attempt("IDENTIFIED BY 'another'", /password/)()
  await attempt("IDENTIFIED BY 'secret' ACCOUNT LOCK", /locked/)()
  await attempt("IDENTIFIED BY 'secret' PASSWORD EXPIRE", /expired/)()
  await administer("INSTALL SONAME 'auth_ed25519'")
  await attempt("IDENTIFIED VIA ed25519 USING PASSWORD('secret')", /way to log in/)()
  await attempt("IDENTIFIED BY 'secret' WITH MAX_QUERIES_PER_HOUR 1", /in an hour/, 'database-unreachable')()
})

test('a statement that was interrupted, took too long, or whose connection was killed is to be tried later', async () => {
  await administer('CREATE OR REPLACE VIEW sensor AS SELECT 1 AS id, SLEEP(9) AS ip')
  await administer('CREATE OR REPLACE VIEW `system` AS SELECT 1 AS sensor_id')
  try {
    for (const kill of ['KILL QUERY', 'KILL CONNECTION']) {
      await using store = await open()
      const asked = assert.rejects(store.sensors(), is('database-unreachable'))
      for (;;) {
        const [[id] = []] = await administer(
          "SELECT id FROM information_schema.processlist WHERE user = 'ossim' AND state = 'User sleep'",
        )
        if (id === undefined) continue
        await administer(`${kill} ${id}`)
        break
      }
      await asked
    }
    await administer('SET GLOBAL max_statement_time = 0.1')
    await using slow = await open()
    await assert.rejects(slow.sensors(), is('database-unreachable', /max_statement_time/))
  } finally {
    await administer('SET GLOBAL max_statement_time = 0')
    await administer('DROP VIEW sensor, `system`')
  }
})

for (const name of ['encryption_key ', 'ENCRYPTION_KEY', 'éncryption_key', 'encryption_key   ']) {
  test(`row ${JSON.stringify(name)} is the key's where the server takes it for that`, async () => {
    await administer('DELETE FROM config')
    await administer('INSERT INTO config VALUES (?, ?)', [name, ''])
    await using store = await open()
    assert.equal(String(await store.claimRow(key)), keyA)
    assert.equal(String((await store.rows()).get('encryption_key')), keyA)
    assert.equal(await store.replaceRow(Buffer.from(keyA), other), true)
    assert.deepEqual(await administer('SELECT conf, value FROM config'), [[name, keyB]])
    await administer('DELETE FROM config')
  })
}

test('packets behind the OK of the login end the connection, and not the process', async () => {
  await using fake = await startFakeServer('127.0.0.1', async (session) => {
    session.send(greeting({ method: 'mysql_native_password' }))
    await session.next()
    for (let count = 0; count < 3; count += 1) session.send(ok)
  })
  const opening = open({ port: fake.port }).then(async (store) => {
    await using opened = store
    await opened.rows()
  })
  await assert.rejects(opening, is('database-failed', /not asked for|out of order/))
})
