import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { KnownError, messageOf } from '../../errors.ts'
import type { Rights } from '../../host/processes/rights/rights.ts'
import type { ConfigStore } from '../config-store.ts'
import { ConfigTable } from '../config-table.ts'
import type { Dialect, SqlConnection, Statements } from '../sql.ts'
import type { EmbeddedFile, LocatedFile } from './embedded-file.ts'
import { refusedPart, schemaSql } from './schema.ts'

/** How long a statement waits for one of another process, in milliseconds. */
const busyLimitMs = 5000

/** Limits for what others have put into the file; each is far above what we need. */
const limits = { length: 1024 * 1024, sqlLength: 1024 * 1024, attach: 0, triggerDepth: 0, likePatternLength: 100 }

/**
 * In this order: the folder is synced too when a journal ends a transaction; functions that the schema names are
 * not trusted; pages are checked before they are used; nothing is mapped (a file that is cut would kill us);
 * temporary data stays in memory, so that nothing is written outside the store's folder.
 */
const pragmas = `PRAGMA synchronous = EXTRA; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
  PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY`

/**
 * Opens the store at its first use; reading alone makes no file. Every call is made with the given rights.
 * @param patienceMs how long a call waits for another program that holds the store; it holds up this whole process
 */
export async function openSqliteStore(
  file: EmbeddedFile,
  rights: Rights,
  patienceMs = busyLimitMs,
): Promise<ConfigStore> {
  const { DatabaseSync } = await import('node:sqlite')
  return new ConfigTable(new SqliteConnection(file, rights, DatabaseSync, patienceMs))
}

class SqliteConnection implements SqlConnection {
  readonly place: string
  readonly root: string
  readonly dialect = dialect
  readonly #file: EmbeddedFile
  readonly #rights: Rights
  readonly #Database: typeof DatabaseSync
  readonly #patienceMs: number
  #database: DatabaseSync | undefined

  constructor(file: EmbeddedFile, rights: Rights, Database: typeof DatabaseSync, patienceMs: number) {
    this.place = file.place
    this.root = file.root
    this.#file = file
    this.#rights = rights
    this.#Database = Database
    this.#patienceMs = patienceMs
  }

  async query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    const located = this.#database ? undefined : this.#file.locate()
    // No file yet: only the list of columns can be asked for, and it is empty.
    if (!this.#database && !located) return []
    return this.#run(located, 'BEGIN', (database) => allRows(database, sql, parameters))
  }

  readAll(sql: string): Promise<readonly (readonly unknown[])[]> {
    return this.query(sql)
  }

  async change(sql: string, parameters: readonly string[] = []): Promise<number> {
    const located = this.#database ? undefined : (this.#file.locate() ?? this.#file.create())
    return this.#run(located, 'BEGIN IMMEDIATE', (database) =>
      Number(database.prepare(sql).run(...(parameters as SQLInputValue[])).changes),
    )
  }

  async transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const within = <R>(ask: (database: DatabaseSync) => R): R =>
      this.#rights.run(() => ask(this.#database as DatabaseSync))
    try {
      const located = this.#database ? undefined : (this.#file.locate() ?? this.#file.create())
      this.#checkBeforeOpening(located)
      this.#rights.run(() => this.#begin(located, 'BEGIN IMMEDIATE'))
      try {
        const result = await work({
          query: async (sql, parameters) => within((database) => allRows(database, sql, parameters)),
          readAll: async (sql) => within((database) => allRows(database, sql)),
          change: async (sql, parameters = []) =>
            within((database) => Number(database.prepare(sql).run(...(parameters as SQLInputValue[])).changes)),
        })
        within((database) => database.exec('COMMIT'))
        return result
      } finally {
        within(endTransaction)
      }
    } catch (error) {
      throw explainSqliteError(error, this.place)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const database = this.#database
    if (database) this.#rights.run(() => database.close())
    this.#database = undefined
  }

  /**
   * Works in a transaction. All of it is one piece of work with the owner's rights: to take them and to give them back
   * are six system calls, and each of them stops every thread of this process.
   */
  #run<T>(located: LocatedFile | undefined, begin: string, work: (database: DatabaseSync) => T): T {
    try {
      this.#checkBeforeOpening(located)
      return this.#rights.run(() => {
        const database = this.#begin(located, begin)
        try {
          const result = work(database)
          database.exec('COMMIT')
          return result
        } finally {
          endTransaction(database)
        }
      })
    } catch (error) {
      throw explainSqliteError(error, this.place)
    }
  }

  /** Recovers and checks a file before SQLite opens it for us; nothing where it is open. */
  #checkBeforeOpening(located: LocatedFile | undefined): void {
    if (located?.hasJournal) this.#rights.run(() => this.#recover(located))
    if (located) this.#file.requireReadable(located)
  }

  /**
   * Begins a transaction, with a check of the schema, which the file's owner may change at any time. To be called with
   * the owner's rights.
   */
  #begin(located: LocatedFile | undefined, begin: string): DatabaseSync {
    if (located) this.#database = this.#open(located)
    const database = this.#database as DatabaseSync
    database.exec(begin)
    try {
      this.#requireOwnSchema(database)
      return database
    } catch (error) {
      endTransaction(database)
      throw error
    }
  }

  /** Makes SQLite undo an interrupted transaction, by a statement that needs no schema. */
  #recover(located: LocatedFile): void {
    using database = this.#connect(located)
    database.exec('PRAGMA user_version')
  }

  #open(located: LocatedFile): DatabaseSync {
    const database = this.#connect(located)
    try {
      database.exec(pragmas)
      // After a good quick_check each page has one place in one tree, so that later reads of the tables end.
      this.#requireOwnSchema(database)
      const [[verdict] = []] = allRows(database, 'PRAGMA quick_check(1)')
      if (verdict !== 'ok') throw damageError(this.place)
    } catch (error) {
      database.close()
      throw error
    }
    const options = { deterministic: true, directOnly: true, useBigIntArguments: true }
    database.function('regexp', options, (pattern, text) => matches(pattern, text))
    return database
  }

  /**
   * Opens an existing file. Only a URI can have mode `rw`, with which SQLite makes no new file (sqlite.org/uri.html).
   */
  #connect(located: LocatedFile): DatabaseSync {
    const uri = pathToFileURL(located.path)
    uri.searchParams.set('mode', 'rw')
    const database = new this.#Database(uri, {
      timeout: this.#patienceMs,
      readBigInts: true,
      returnArrays: true,
      enableForeignKeyConstraints: false,
      defensive: true,
      limits,
    })
    try {
      this.#file.requireOpened(located)
    } catch (error) {
      database.close()
      throw error
    }
    return database
  }

  #requireOwnSchema(database: DatabaseSync): void {
    const refused = refusedPart(allRows(database, schemaSql))
    if (refused === undefined) return
    const hint = 'restore it from a backup; the daemon and setup need only table config in it'
    throw new KnownError('database-refused', `database ${this.place}: it holds ${refused}`, hint)
  }
}

/** Some errors of SQLite have ended the transaction already. */
function endTransaction(database: DatabaseSync): void {
  if (database.isTransaction) database.exec('ROLLBACK')
}

function allRows(database: DatabaseSync, sql: string, parameters: readonly string[] = []): unknown[][] {
  return database.prepare(sql).all(...parameters) as unknown as unknown[][]
}

function matches(pattern: unknown, text: unknown): number | null {
  return text === null ? null : Number(new RegExp(String(pattern)).test(String(text)))
}

const dialect: Dialect = {
  columnsSql: `SELECT LOWER(tables.name), LOWER(columns.name), 0, CASE WHEN columns.pk > 0 THEN 'PRI' ELSE '' END, 1
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'`,
  createTableSql:
    'CREATE TABLE IF NOT EXISTS config (conf VARCHAR(255) NOT NULL COLLATE NOCASE PRIMARY KEY, value TEXT)',
  insertMissingSql: 'INSERT OR IGNORE INTO config (conf, value) VALUES (?, ?)',
  claimSql:
    "INSERT INTO config (conf, value) VALUES (?, ?) ON CONFLICT (conf) DO UPDATE SET value = CASE WHEN LENGTH(COALESCE(value, '')) > 0 THEN value ELSE ? END",
  // A transaction that writes locks the whole file.
  lockRows: '',
  bytesOf: (column) => column,
  // Every table of a file is part of its transactions, and whoever may write it may write all.
  async requireRewritable() {},
  // A statement that changes no row takes the write lock all the same, and asks the file system.
  async requireWritable(connection) {
    await connection.change('UPDATE config SET value = value WHERE 0')
  },
}

/** SQLite's result codes (sqlite.org/rescode.html): extended ones, or the low byte of others. */
const explanations: Readonly<Record<number, readonly [ConstructorParameters<typeof KnownError>[0], string, string]>> = {
  5: ['busy', 'another program holds it', 'try again later'],
  6: ['busy', 'another program holds it', 'try again later'],
  8: ['database-unreachable', 'it is read-only', 'mount its file system read-write'],
  1032: ['busy', 'its file was removed or exchanged while it was open', 'run again, and look who does that'],
  10: ['database-failed', 'the disk reports an error', 'look at dmesg'],
  11: ['database-failed', 'it is damaged', 'restore it from a backup'],
  13: ['database-failed', 'the disk is full', 'make room, then run again'],
  14: ['database-refused', 'it cannot be opened', 'look at owner and mode of it and its folder'],
  26: ['database-failed', 'it is not a SQLite database', 'move it away, or restore it from a backup'],
}

/** SQLite's message in ASCII: it may hold names from the file, with any characters. */
function asciiMessage(error: unknown): string {
  return messageOf(error)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 200)
}

function damageError(place: string): KnownError {
  return new KnownError('database-failed', `database ${place}: it is damaged`, 'restore it from a backup')
}

function explainSqliteError(error: unknown, place: string): unknown {
  const number = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : undefined
  if (number === undefined) return error
  const [code, what, hint] = explanations[number] ??
    explanations[number & 0xff] ?? ['database-failed', asciiMessage(error), 'restore it from a backup']
  return new KnownError(code, `database ${place}: ${what}`, hint, { cause: error })
}
