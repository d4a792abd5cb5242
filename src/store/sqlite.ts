import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { KnownError, messageOf } from '../errors.ts'
import type { Rights } from '../host/rights.ts'
import { aesDecrypt, aesEncrypt } from './aes.ts'
import type { ConfigStore } from './config-store.ts'
import { ConfigTable, type Dialect, type SqlConnection } from './config-table.ts'

/** The embedded store's file. */
export interface EmbeddedFile {
  /** As the system knows it, the root in front. */
  path: string
  exists(): boolean
  /** Makes its folder and an empty file, the owner's alone. */
  create(): void
}

/** How long a statement waits for another process's, in milliseconds. */
const busyLimitMs = 5000

/** Opens the store at its first use; what only reads makes no file. Every call is made with the given rights. */
export async function openSqliteStore(file: EmbeddedFile, rights: Rights): Promise<ConfigStore> {
  const { DatabaseSync } = await import('node:sqlite')
  return new ConfigTable(new SqliteConnection(file, rights, DatabaseSync))
}

class SqliteConnection implements SqlConnection {
  readonly place: string
  readonly dialect = dialect
  readonly #file: EmbeddedFile
  readonly #rights: Rights
  readonly #Database: typeof DatabaseSync
  #database: DatabaseSync | undefined

  constructor(file: EmbeddedFile, rights: Rights, Database: typeof DatabaseSync) {
    this.place = file.path
    this.#file = file
    this.#rights = rights
    this.#Database = Database
  }

  async query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    // No file yet: only the list of columns can be asked for, and it is empty.
    if (!this.#database && !this.#file.exists()) return []
    return this.#run((database) => {
      const statement = database.prepare(sql)
      statement.setReturnArrays(true)
      return statement.all(...(parameters as SQLInputValue[])) as unknown as unknown[][]
    })
  }

  async change(sql: string, parameters: readonly string[] = []): Promise<number> {
    if (!this.#database && !this.#file.exists()) this.#file.create()
    return this.#run((database) => Number(database.prepare(sql).run(...(parameters as SQLInputValue[])).changes))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const database = this.#database
    if (database) this.#rights.run(() => database.close())
    this.#database = undefined
  }

  #run<T>(work: (database: DatabaseSync) => T): T {
    try {
      return this.#rights.run(() => {
        this.#database ??= this.#open()
        return work(this.#database)
      })
    } catch (error) {
      throw explainSqliteError(error, this.place)
    }
  }

  #open(): DatabaseSync {
    const database = new this.#Database(this.#file.path, { timeout: busyLimitMs })
    // The folder is synced too when a journal ends a transaction.
    database.exec('PRAGMA synchronous = EXTRA; PRAGMA trusted_schema = OFF')
    const options = { deterministic: true, directOnly: true }
    database.function('aes_decrypt', options, (value, key) => aesDecrypt(value, key))
    database.function('aes_encrypt', options, (value, key) => aesEncrypt(value, key))
    database.function('regexp', options, (pattern, text) => matches(pattern, text))
    return database
  }
}

function matches(pattern: unknown, text: unknown): number | null {
  return text === null ? null : Number(new RegExp(String(pattern)).test(String(text)))
}

const dialect: Dialect = {
  columnsSql: `SELECT LOWER(tables.name), LOWER(columns.name), 0
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'`,
  createTableSql:
    'CREATE TABLE IF NOT EXISTS config (conf VARCHAR(255) NOT NULL COLLATE NOCASE PRIMARY KEY, value TEXT)',
  insertMissingSql: 'INSERT OR IGNORE INTO config (conf, value) VALUES (?, ?)',
  claimSql:
    "INSERT INTO config (conf, value) VALUES (?, ?) ON CONFLICT (conf) DO UPDATE SET value = CASE WHEN LENGTH(COALESCE(value, '')) > 0 THEN value ELSE ? END",
  // A statement that changes no row takes the write lock all the same, and asks the file system.
  async requireWritable(connection) {
    await connection.change('UPDATE config SET value = value WHERE 0')
  },
}

/** SQLite's result codes (sqlite.org/rescode.html), the low byte. */
const explanations: Readonly<Record<number, readonly [ConstructorParameters<typeof KnownError>[0], string, string]>> = {
  5: ['busy', 'another program holds it', 'try again later'],
  6: ['busy', 'another program holds it', 'try again later'],
  8: ['database-unreachable', 'it is read-only', 'mount its file system read-write'],
  10: ['database-failed', 'the disk reports an error', 'look at dmesg'],
  11: ['database-failed', 'it is damaged', 'restore it from a backup'],
  13: ['database-failed', 'the disk is full', 'make room, then run again'],
  14: ['database-refused', 'it cannot be opened', 'look at owner and mode of it and its folder'],
  26: ['database-failed', 'it is not a SQLite database', 'move it away, or restore it from a backup'],
}

function explainSqliteError(error: unknown, place: string): unknown {
  const number =
    typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  if (number === undefined) return error
  const [code, what, hint] = explanations[number] ?? ['database-failed', messageOf(error), 'look at the file']
  return new KnownError(code, `database ${place}: ${what}`, hint, { cause: error })
}
