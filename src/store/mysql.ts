import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { systemCode } from '../errors.ts'
import type { Secret } from '../secret.ts'
import type { ConfigStore } from './config-store.ts'
import { ConfigTable, type Dialect, type SqlConnection } from './config-table.ts'
import { explainMysqlError, readOnlyServer } from './mysql-errors.ts'

/** How to reach a MySQL or MariaDB server. */
export interface ServerAddress {
  host: string
  port: number
  /** A unix socket, instead of host and port. */
  socket?: string
  database: string
  user: string
  password?: Secret
  /** PEM text of the CA: the connection is encrypted and the server verified with it. */
  sslCa?: string
}

export interface MysqlOptions {
  signal: AbortSignal
  /** Milliseconds for the connection, and for each statement. */
  limitMs?: number
}

const defaultLimitMs = 10_000
/** SERVER_STATUS_AUTOCOMMIT of MySQL's protocol: each statement is a transaction of its own. */
const autocommitStatus = 2
/** A statement that lost a deadlock or waited too long for a lock is tried again. */
const retryLimit = 8

/** @throws KnownError as ConfigStore says */
export async function openMysqlStore(server: ServerAddress, options: MysqlOptions): Promise<ConfigStore> {
  const place = placeOf(server)
  const limitMs = options.limitMs ?? defaultLimitMs
  options.signal.throwIfAborted()
  const connection = createConnection({
    ...(server.socket === undefined ? { host: server.host, port: server.port } : { socketPath: server.socket }),
    user: server.user,
    database: server.database,
    ...(server.password && { password: server.password.reveal() }),
    ...(server.sslCa !== undefined && { ssl: { ca: server.sslCa, rejectUnauthorized: true, verifyIdentity: true } }),
    rowsAsArray: true,
    // Row parsers are otherwise made by eval, one for each kind of result.
    disableEval: true,
    // Room for all of them is allocated at once, by default for 16,000.
    maxPreparedStatements: 16,
    connectTimeout: limitMs,
    charset: 'utf8mb4',
    // No stack for each statement: its errors are told as ours.
    trace: false,
  }).promise()
  // A handshake that never ends is beyond connectTimeout.
  await withinLimit(connection.connect(), limitMs, options.signal, () => connection.destroy()).catch(
    (error: unknown) => {
      throw explainMysqlError(error, place)
    },
  )
  return new ConfigTable(new MysqlConnection(connection, place, limitMs, options.signal))
}

class MysqlConnection implements SqlConnection {
  readonly place: string
  readonly dialect = dialect
  readonly #connection: Connection
  readonly #limitMs: number
  readonly #signal: AbortSignal
  readonly #end = () => this.#connection.destroy()
  #before: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, place: string, limitMs: number, signal: AbortSignal) {
    this.#connection = connection
    this.place = place
    this.#limitMs = limitMs
    this.#signal = signal
    // An error between two statements shows at the next one.
    connection.on('error', () => {})
    signal.addEventListener('abort', this.#end, { once: true })
  }

  async query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    const [rows] = await this.#send<RowDataPacket[][]>(sql, parameters)
    return rows
  }

  async change(sql: string, parameters: readonly string[] = []): Promise<number> {
    const [result] = await this.#send<import('mysql2/promise').ResultSetHeader>(sql, parameters)
    // A server with autocommit = 0 would forget the change when the connection ends.
    if ((result.serverStatus & autocommitStatus) === 0) await this.#send('COMMIT', [])
    return result.affectedRows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#end)
    this.#end()
  }

  /** One after the other: the time of a statement does not run while it waits for another. */
  #send<T extends RowDataPacket[][] | import('mysql2/promise').ResultSetHeader>(
    sql: string,
    parameters: readonly string[],
  ): Promise<[T, unknown]> {
    const answer = this.#before.then(() => this.#sendNow<T>(sql, parameters))
    this.#before = answer.catch(() => {})
    return answer
  }

  async #sendNow<T extends RowDataPacket[][] | import('mysql2/promise').ResultSetHeader>(
    sql: string,
    parameters: readonly string[],
  ): Promise<[T, unknown]> {
    for (let attempt = 1; ; attempt += 1) {
      this.#signal.throwIfAborted()
      try {
        const sent =
          parameters.length > 0 ? this.#connection.execute<T>(sql, [...parameters]) : this.#connection.query<T>(sql)
        return await withinLimit(sent, this.#limitMs, this.#signal, this.#end)
      } catch (error) {
        if (!isLockConflict(error) || attempt === retryLimit) throw explainMysqlError(error, this.place)
        await sleep(Math.random() * 20 * attempt, undefined, { signal: this.#signal })
      }
    }
  }
}

function isLockConflict(error: unknown): boolean {
  return ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'].includes(systemCode(error) ?? '')
}

/** Waits for the work, the limit or the signal; the last two end the connection. */
async function withinLimit<T>(work: Promise<T>, limitMs: number, signal: AbortSignal, end: () => void): Promise<T> {
  const { promise: given, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), limitMs)
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, given])
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

const dialect: Dialect = {
  columnsSql: `SELECT LOWER(table_name), LOWER(column_name), @@global.read_only FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name IN ('config', 'databases', 'server', 'ossec_agentless',
      'vuln_nessus_settings_preferences', 'user_config')`,
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

function placeOf({ host, port, socket, database }: ServerAddress): string {
  return `${database} on ${socket ?? `${host.includes(':') ? `[${host}]` : host}:${port}`}`
}
