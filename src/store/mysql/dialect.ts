import type { Dialect, SqlConnection } from '../config-table.ts'
import { encryptedPlaces } from '../encrypted-places.ts'
import { readOnlyServer } from './errors.ts'

/** Those that are asked about; names of ours. */
const tables = [...new Set(encryptedPlaces.map(({ table }) => `'${table}'`))]

/** What MySQL and MariaDB say in their own way. */
export const mysqlDialect: Dialect = {
  columnsSql: `SELECT LOWER(table_name), LOWER(column_name), @@global.read_only, column_key
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (${tables.join(', ')})`,
  createTableSql: `CREATE TABLE IF NOT EXISTS config (
    conf VARCHAR(255) NOT NULL,
    value TEXT CHARACTER SET latin1 COLLATE latin1_general_ci NULL DEFAULT NULL,
    PRIMARY KEY (conf)) ENGINE=InnoDB DEFAULT CHARSET=utf8`,
  insertMissingSql: 'INSERT IGNORE INTO config (conf, value) VALUES (?, ?)',
  claimSql:
    'INSERT INTO config (conf, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = IF(LENGTH(value) > 0, value, ?)',
  // `system` is a reserved word of MySQL 8.
  sensorsSql: 'SELECT INET6_NTOA(sensor.ip) AS ip FROM sensor, `system` WHERE sensor.id = `system`.sensor_id',
  // EXPLAIN asks for the rights of the statement that it explains, and runs nothing.
  async requireWritable(connection, readOnly) {
    await connection.query(
      "EXPLAIN INSERT INTO config (conf, value) VALUES ('', '') ON DUPLICATE KEY UPDATE value = ''",
    )
    if (readOnly && !(await mayWriteAnyway(connection))) throw readOnlyServer(connection.place)
  },
}

/** Accounts with the right privilege write to a read-only server all the same; a statement that changes no row tells. */
async function mayWriteAnyway(connection: SqlConnection): Promise<boolean> {
  return connection.change('UPDATE config SET value = value WHERE 1 = 0').then(
    () => true,
    () => false,
  )
}
