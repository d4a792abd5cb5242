import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { aesDecrypt, aesEncrypt } from '../../../src/key/aes.ts'
import { Key } from '../../../src/key/key.ts'
import { openMysqlStore } from '../../../src/store/mysql/mysql.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { leftOut } from '../../support/extent.ts'
import { query, startMariaDb } from '../../support/mariadb.ts'
import { configTableSql, keyA, keyB, socketOfRun } from '../../support/sandbox.ts'
import { stopProcess } from '../../support/stopped.ts'

const signal = new AbortController().signal
const account = { database: 'alienvault', user: 'ossim' }

async function serverWithTable(...options: string[]) {
  const server = await startMariaDb(...options)
  await query(server.socket, undefined, 'CREATE DATABASE alienvault')
  await query(server.socket, undefined, 'CREATE USER ossim@localhost')
  await query(server.socket, undefined, 'GRANT ALL ON alienvault.* TO ossim@localhost')
  await query(server.socket, 'alienvault', configTableSql)
  return server
}

function is(code: string) {
  return (error: unknown) => error instanceof KnownError && error.code === code
}

test('a server that is frozen, before or after the connection, is unreachable and never a hang', {
  skip: leftOut,
}, async () => {
  await using server = await serverWithTable()
  const address = { ...account, host: '127.0.0.1', port: server.port, socket: server.socket }
  await using store = await openMysqlStore(address, { signal, limitMs: 400 })
  await store.rows()
  await stopProcess(server.pid)
  await assert.rejects(openMysqlStore(address, { signal, limitMs: 400 }), is('database-unreachable'))
  await assert.rejects(store.examine([]), is('database-unreachable'))
})

test('a read-only server and missing rights are told apart, and neither is written to', async () => {
  await using server = await serverWithTable()
  const address = { ...account, host: '127.0.0.1', port: server.port }
  await using store = await openMysqlStore(address, { signal })
  await store.requireWritable()
  await query(server.socket, undefined, 'SET GLOBAL read_only = 1')
  await using later = await openMysqlStore(address, { signal })
  await assert.rejects(later.requireWritable(), is('database-unreachable'))
  await query(server.socket, undefined, 'SET GLOBAL read_only = 0')
  await query(server.socket, undefined, 'REVOKE ALL ON alienvault.* FROM ossim@localhost')
  await query(server.socket, undefined, 'GRANT SELECT, INSERT ON alienvault.* TO ossim@localhost')
  await using weaker = await openMysqlStore(address, { signal })
  await assert.rejects(weaker.requireWritable(), is('database-refused'))
  assert.deepEqual(await query(server.socket, 'alienvault', 'SELECT * FROM config'), [])
})

test('a server that dies between two statements is unreachable', { skip: leftOut }, async () => {
  await using server = await serverWithTable()
  await using store = await openMysqlStore({ ...account, host: '127.0.0.1', port: server.port }, { signal })
  await store.rows()
  process.kill(server.pid, 'SIGKILL')
  await assert.rejects(store.examine([]), is('database-unreachable'))
})

test('TLS is verified: the CA that signed opens, another is refused', { skip: leftOut }, async () => {
  using certificates = makeCertificates()
  await using server = await serverWithTable(...certificates.serverOptions)
  const address = { ...account, host: 'localhost', port: server.port }
  await using store = await openMysqlStore({ ...address, sslCa: certificates.ca }, { signal })
  assert.equal((await store.rows()).size, 0)
  const other = { ...address, sslCa: certificates.otherCa }
  await assert.rejects(openMysqlStore(other, { signal }), is('database-refused'))
})

test('our AES is the AES of the server', async () => {
  for (const text of ['', 'x', 'fifteen letters', 'sixteen letters!', 'ü'.repeat(40)]) {
    const [[hex] = []] = await query(socketOfRun(), undefined, 'SELECT HEX(AES_ENCRYPT(?, ?))', [text, keyA])
    const ours = Buffer.from(aesEncrypt(text, keyA) ?? [])
    assert.equal(ours.toString('hex').toUpperCase(), hex)
    assert.equal(Buffer.from(aesDecrypt(ours, keyA) ?? []).toString(), text)
    assert.equal(
      aesDecrypt(ours, keyB) === null || !Buffer.from(aesDecrypt(ours, keyB) ?? []).equals(Buffer.from(text)),
      true,
    )
  }
})

test('on a machine that is set up, a look costs two statements at most, however many values there are', async () => {
  await using server = await serverWithTable()
  const administer = (sql: string, parameters: string[] = []) => query(server.socket, 'alienvault', sql, parameters)
  await administer("INSERT INTO config SELECT CONCAT(seq, '_pass'), AES_ENCRYPT(seq, ?) FROM seq_1_to_2000", [keyA])
  await using store = await openMysqlStore({ ...account, host: '127.0.0.1', port: server.port }, { signal })
  const key = Key.parse(keyA)
  assert.ok(key)
  await administer("SET GLOBAL log_output = 'TABLE'")
  await administer('SET GLOBAL general_log = ON')
  await store.schema()
  await store.requireWritable()
  await store.rows()
  const evidence = await store.examine([key])
  await administer('SET GLOBAL general_log = OFF')
  const logged = await administer(
    "SELECT command_type FROM mysql.general_log WHERE user_host LIKE 'ossim%' ORDER BY event_time",
  )
  assert.equal(evidence.sampled, 64)
  assert.equal(evidence.decrypted.get(keyA), 64)
  assert.deepEqual(logged.flat(), ['Query', 'Query'])
})
