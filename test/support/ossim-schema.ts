/**
 * The tables of OSSIM that hold encrypted values, in the shapes of its schema, filled as OSSIM fills
 * them: with passwords of any letters, XML with line feeds, and much that is no encrypted value.
 */
import { randomBytes } from 'node:crypto'
import { aesEncrypt } from '../../src/key/aes.ts'
import { type EncryptedPlace, encryptedPlaces } from '../../src/store/encrypted-places.ts'
import type { Sandbox } from './sandbox.ts'

const latin1 = 'CHARACTER SET latin1 COLLATE latin1_general_ci'

/** Columns of a table beside table config, as MySQL has them. */
const tables: Readonly<Record<string, string>> = {
  databases: `id INTEGER, name VARCHAR(64), pass VARCHAR(64) ${latin1} NOT NULL`,
  server: `name VARCHAR(64), port INTEGER NOT NULL, remotepass VARCHAR(128) ${latin1} NOT NULL`,
  host_agentless: `ip VARCHAR(16), pass VARCHAR(128) ${latin1} NOT NULL, ppass VARCHAR(128) ${latin1} NOT NULL`,
  vuln_nessus_settings_preferences: `sid INTEGER, type CHAR(1) NOT NULL, value TEXT ${latin1}`,
  user_config: 'login VARCHAR(64), category VARCHAR(64), name VARCHAR(255), value MEDIUMTEXT',
  vuln_nessus_servers: `name VARCHAR(255), PASSWORD VARCHAR(255) ${latin1}`,
  credentials: `host_ip VARCHAR(16), password VARCHAR(128) ${latin1} NOT NULL`,
  ldap: `name VARCHAR(64), password VARCHAR(128) ${latin1} NOT NULL`,
}

/** How many encrypted values each place is given. */
export const valuesOfPlace = 4

/** As long as VARCHAR(64) holds it encrypted, and letters of both charsets. */
const passwords = [
  'short',
  Buffer.from('Grüße aus Köln', 'utf8'),
  Buffer.from('Grüße aus Köln', 'latin1'),
  'x'.repeat(63),
] as const

/** A credential as a DOM writer has it. */
const credentials = passwords.map((password, index) =>
  Buffer.concat([
    Buffer.from(`\n<?xml version="1.0"?>\n<credential>\n\t<name>scan ${index}</name>\r\n\t<password>`),
    Buffer.from(password),
    Buffer.from(
      `</password>\n<key>-----BEGIN RSA PRIVATE KEY-----\n${'QUJD'.repeat(400)}\n-----END-----</key>\f</credential>\n`,
    ),
  ]),
)

/** Makes all tables that are not there. Rows without an encrypted value are in each. */
export async function createOssimSchema(sandbox: Sandbox): Promise<void> {
  for (const [table, columns] of Object.entries(tables)) {
    const shape = sandbox.kind === 'mysql' ? columns : columns.replaceAll(latin1, '')
    await sandbox.sql(`CREATE TABLE \`${table}\` (${shape})${sandbox.kind === 'mysql' ? ' DEFAULT CHARSET=utf8' : ''}`)
  }
  for (const { table, column, rows } of encryptedPlaces) {
    if (table === 'config') continue
    const texts = ['', 'sixteen letters.', 'Grüße: plain']
    await insert(
      sandbox,
      table,
      texts.map((text) => ({
        ...required(table),
        ...(rows && { [rows.column]: marker(rows.column) }),
        [column]: text,
      })),
    )
  }
  // None of these is encrypted with our key.
  const foreign = randomBytes(32)
  await sandbox.setRow('remote_token', foreign)
  await sandbox.setRow('plain_pass', 'sixteen letters.')
  await sandbox.setRow('empty_pass', '')
  await sandbox.setRow('null_key', null)
  await insert(sandbox, 'vuln_nessus_settings_preferences', [{ type: 'F', value: foreign }])
  await insert(sandbox, 'user_config', [
    { category: 'policy', value: foreign.toString('hex') },
    { category: 'credentials', value: 'no hexadecimal text, which is 32' },
  ])
}

/** Fills one place with values that are encrypted with the key. */
export async function fillPlace(sandbox: Sandbox, place: EncryptedPlace, key: string): Promise<void> {
  const { table, column, rows, isHex } = place
  const encrypted = (isHex ? credentials : passwords).map((text, index) => {
    const bytes = Buffer.from(aesEncrypt(text, key) ?? [])
    const value = isHex ? bytes.toString('hex').toUpperCase() : bytes
    if (table === 'config') return { conf: `service${index}_${index % 2 === 0 ? 'pass' : 'key'}`, value }
    return { ...required(table), ...(rows && { [rows.column]: marker(rows.column) }), [column]: value }
  })
  await insert(sandbox, table, encrypted)
}

/** The value that makes a row one of those that count. */
function marker(column: string): string {
  return column === 'type' ? 'P' : 'credentials'
}

/** What may not be NULL. */
function required(table: string): Record<string, string> {
  if (table === 'host_agentless') return { pass: '', ppass: '' }
  return table === 'server' ? { port: '40001' } : {}
}

/** @param rows of the same columns each */
async function insert(
  sandbox: Sandbox,
  table: string,
  rows: readonly Record<string, string | Buffer>[],
): Promise<void> {
  const names = Object.keys(rows[0] ?? {})
  const tuples = rows.map(() => `(${names.map(() => '?').join(', ')})`)
  const sql = `INSERT INTO \`${table}\` (${names.join(', ')}) VALUES ${tuples.join(', ')}`
  await sandbox.sql(
    sql,
    rows.flatMap((row) => Object.values(row)),
  )
}
