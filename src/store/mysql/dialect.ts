import { KnownError } from '../../errors.ts'
import { foreignText } from '../../text/printable.ts'
import { type EncryptedPlace, encryptedPlaces } from '../encrypted-places.ts'
import type { Dialect, SqlConnection } from '../sql.ts'
import { readOnlyServer } from './errors.ts'

/** The tables that the catalogue is asked about, quoted for SQL. */
const tables = [...new Set(encryptedPlaces.map(({ table }) => `'${table}'`))]

/** The columns of the dialect's columnsSql (sql.ts), as MySQL's information_schema has them. */
const catalogueSql = `LOWER(table_name), LOWER(column_name), @@global.read_only, column_key,
    privileges LIKE '%insert%' AND privileges LIKE '%update%'
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (${tables.join(', ')})`

/**
 * A lock that another connection holds on a row, or on all tables (a backup), is waited for 5 s: less than for an
 * answer.
 */
export const waitBrieflySql = 'SET SESSION innodb_lock_wait_timeout = 5, lock_wait_timeout = 5'

/** SQL of MySQL and MariaDB. */
export const mysqlDialect: Dialect = {
  columnsSql: `SELECT ${catalogueSql}`,
  // As bytes, since the catalogue's collations and ours cannot be mixed in one column.
  columnsAndRowsSql: (rowsSql) => `SELECT 'column', ${catalogueSql}
    UNION ALL SELECT 'row', CAST(name AS BINARY), CAST(hex AS BINARY), NULL, NULL, NULL FROM (${rowsSql}) AS found`,
  createTableSql: `CREATE TABLE IF NOT EXISTS config (
    conf VARCHAR(255) NOT NULL,
    value TEXT CHARACTER SET latin1 COLLATE latin1_general_ci NULL DEFAULT NULL,
    PRIMARY KEY (conf)) ENGINE=InnoDB DEFAULT CHARSET=utf8`,
  insertMissingSql: 'INSERT IGNORE INTO config (conf, value) VALUES (?, ?)',
  claimSql:
    'INSERT INTO config (conf, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = IF(LENGTH(value) > 0, value, ?)',
  // `system` is a reserved word of MySQL 8.
  sensorsSql: 'SELECT INET6_NTOA(sensor.ip) AS ip FROM sensor, `system` WHERE sensor.id = `system`.sensor_id',
  lockRows: ' FOR UPDATE',
  bytesOf: (column) => `CAST(${column} AS BINARY)`,
  // A node of Galera applies later what another one has committed. A server without Galera has no such variable, and
  // one that does not use it need not wait.
  async catchUp(connection) {
    const [[, state] = []] = await connection.query("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_status'")
    if (state === undefined || state === 'Disconnected') return false
    await connection.change('SET SESSION wsrep_sync_wait = @@SESSION.wsrep_sync_wait | 1')
    return true
  },
  // EXPLAIN needs the rights of the statement that it explains, and runs nothing. It is asked where the catalogue
  // does not show the rights: they may come from elsewhere.
  async requireWritable(connection, { readOnly, mayWrite }) {
    if (mayWrite && !readOnly) return
    await connection.query(
      "EXPLAIN INSERT INTO config (conf, value) VALUES ('', '') ON DUPLICATE KEY UPDATE value = ''",
    )
    if (readOnly && !(await mayWriteAnyway(connection))) throw readOnlyServer(connection.place)
  },
  async requireRewritable(connection, places) {
    await requireTransactions(connection, places)
    await requireUsualMode(connection)
    // Even EXPLAIN of a change waits while another connection has locked all tables.
    await connection.change(waitBrieflySql)
    for (const { table, column } of places) {
      const sql = `EXPLAIN UPDATE \`${table}\` SET \`${column}\` = \`${column}\` WHERE 1 = 0`
      await connection.query(sql).catch((error: unknown) => {
        if (!(error instanceof KnownError)) throw error
        throw new KnownError(error.code, `${error.message} (table ${table})`, error.hint, { cause: error })
      })
    }
  },
}

/**
 * A table without transactions would keep changes that the others undo. Which tables are behind a view is not known.
 */
async function requireTransactions(connection: SqlConnection, places: readonly EncryptedPlace[]): Promise<void> {
  const names = [...new Set(places.map(({ table }) => `'${table}'`))].join(', ')
  const found = await connection.query(`SELECT LOWER(tables.table_name), tables.engine
    FROM information_schema.tables AS tables LEFT JOIN information_schema.engines AS engines
    ON engines.engine = tables.engine
    WHERE tables.table_schema = DATABASE() AND tables.table_name IN (${names})
      AND COALESCE(engines.transactions, 'NO') <> 'YES'`)
  // Views have no engine.
  const views = found.filter(([, engine]) => engine === null)
  if (views.length > 0) throw notTables(views.map(nameOf), connection.place)
  const [first] = found
  if (!first) return
  throw new KnownError(
    'database-refused',
    `no transaction holds in table ${found.map(nameOf).join(', ')} of ${connection.place} (engine ${foreignText(String(first[1]))})`,
    `convert it on the server: ALTER TABLE \`${nameOf(first)}\` ENGINE=InnoDB`,
  )
}

function nameOf([table]: readonly unknown[]): string {
  return String(table)
}

function notTables(views: readonly string[], place: string): KnownError {
  return new KnownError(
    'database-refused',
    `${views.join(', ')} of ${place} is a view, and values are encrypted anew in tables alone`,
    'put the table in its place on the server: DROP VIEW, then RENAME TABLE',
  )
}

/**
 * OSSIM decrypts in the server's mode; its values are in the default mode, the only one of servers without the
 * setting.
 */
async function requireUsualMode(connection: SqlConnection): Promise<void> {
  const [[, mode] = []] = await connection.query("SHOW GLOBAL VARIABLES LIKE 'block_encryption_mode'")
  if (mode === undefined || mode === 'aes-128-ecb') return
  throw new KnownError(
    'database-refused',
    `${connection.place} encrypts in mode ${foreignText(String(mode))}, and OSSIM's values are in aes-128-ecb`,
    'set it on the server: SET GLOBAL block_encryption_mode = "aes-128-ecb"',
  )
}

/**
 * Accounts with the right privilege may write to a read-only server all the same. A change of no row shows whether
 * this one may.
 */
async function mayWriteAnyway(connection: SqlConnection): Promise<boolean> {
  return connection.change('UPDATE config SET value = value WHERE 1 = 0').then(
    () => true,
    () => false,
  )
}
