/** What table config needs of a database: a connection, and the SQL in which the two kinds differ. */
import type { EncryptedPlace } from './encrypted-places.ts'

/** A connection to either kind of database. Errors are KnownErrors. */
export interface SqlConnection extends AsyncDisposable {
  readonly place: string
  /** The tree that is worked on, for the commands of hints. */
  readonly root: string
  /** What is wrong with the connection, for people. */
  readonly warnings?: readonly string[]
  /** Rows as arrays of texts, numbers and nulls. */
  query(sql: string, parameters?: readonly string[]): Promise<readonly (readonly unknown[])[]>
  /** The same, for a statement that reads all stored values: there is more room for its answer. */
  readAll(sql: string): Promise<readonly (readonly unknown[])[]>
  /** Runs a statement that changes rows. @returns how many rows it matched */
  change(sql: string, parameters?: readonly string[]): Promise<number>
  /**
   * Does work in one transaction; an error undoes all of it. After a lock conflict with another transaction it is
   * begun again, so the work may run several times.
   */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>
  readonly dialect: Dialect
}

/** The statements that can be run within a transaction. */
export type Statements = Pick<SqlConnection, 'query' | 'readAll' | 'change'>

/** SQL in which the two databases differ. */
export interface Dialect {
  /**
   * Reads which columns are there. Its rows: table; column; 1 where the server is read-only, else 0; `PRI` or
   * `UNI` where the column is a key, as in MySQL's information_schema; 1 where this account may insert and
   * update the column, else 0.
   */
  columnsSql: string
  /**
   * The same, and the rows of another statement (with columns name and hex), in one statement, for a server that
   * is far away: rows of ('column', …) and ('row', …). Absent where two statements cost no more than one.
   */
  columnsAndRowsSql?(rowsSql: string): string
  createTableSql: string
  /** Inserts a row, and does nothing where it exists. Parameters: conf, value. */
  insertMissingSql: string
  /** Inserts the row or fills an empty one, atomically. Parameters: conf, value, value. */
  claimSql: string
  /**
   * From now on the session's reads wait for what the other servers of its cluster have committed before them.
   * Absent where there is one server alone. @returns false where this server has no cluster
   */
  catchUp?(connection: SqlConnection): Promise<boolean>
  /** The sensors' addresses, one a row; absent where there are no such tables. */
  sensorsSql?: string
  /** Fails where rows cannot be inserted and updated; changes nothing. */
  requireWritable(connection: SqlConnection, rights: WriteRights): Promise<void>
  /**
   * Fails where the columns cannot all be written in one transaction, or the server decrypts in another mode than the
   * values are encrypted in; changes nothing.
   */
  requireRewritable(connection: SqlConnection, places: readonly EncryptedPlace[]): Promise<void>
  /** What stands at the end of a query so that nobody else changes its rows until the transaction ends. */
  lockRows: string
  /** The bytes of a value of any type, as people would write it. */
  bytesOf(column: string): string
}

/** What the catalogue says about the right to write. */
export interface WriteRights {
  /** The server is read-only for most accounts. */
  readOnly: boolean
  /** This account has the rights on both columns. */
  mayWrite: boolean
}
