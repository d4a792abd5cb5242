/** What table config needs of a database: a connection, and the words in which the two differ. */
import type { EncryptedPlace } from './encrypted-places.ts'

/** A connection to either kind of database. Errors are KnownErrors. */
export interface SqlConnection extends AsyncDisposable {
  readonly place: string
  /** What is not as it should be about the connection, for people. */
  readonly warnings?: readonly string[]
  /** Rows as arrays of texts, numbers and nulls. */
  query(sql: string, parameters?: readonly string[]): Promise<readonly (readonly unknown[])[]>
  /** The same, for a statement that reads all stored values: there is more room for its answer. */
  readAll(sql: string): Promise<readonly (readonly unknown[])[]>
  /** How many rows were matched by the change. */
  change(sql: string, parameters?: readonly string[]): Promise<number>
  /**
   * Does work in one transaction. One that lost against another transaction is begun again, so the work may
   * run several times; an error undoes all of it.
   */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>
  readonly dialect: Dialect
}

/** What is asked and changed within a transaction. */
export type Statements = Pick<SqlConnection, 'query' | 'readAll' | 'change'>

/** What the two databases say differently. */
export interface Dialect {
  /**
   * What is there: rows of (table, column, whether the server takes no writes: 1 or 0, how the column
   * is a key: `PRI`, `UNI` or anything else, as MySQL's information_schema has it, whether this account
   * may insert and update it: 1 or 0).
   */
  columnsSql: string
  /**
   * The same with the rows of a statement whose columns are name and hex, in one, for a server that is far away:
   * rows of ('column', …) and ('row', …). Absent where two statements cost no more than one.
   */
  columnsAndRowsSql?(rowsSql: string): string
  createTableSql: string
  /** Inserts a row, and does nothing where it is. Parameters: conf, value. */
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
  requireWritable(connection: SqlConnection, seen: SeenRights): Promise<void>
  /** Fails where the columns cannot all be written in one transaction, or are not decrypted as they are encrypted; changes nothing. */
  requireRewritable(connection: SqlConnection, places: readonly EncryptedPlace[]): Promise<void>
  /** At the end of a query, so that nobody changes its rows until the transaction ends. */
  lockRows: string
  /** The bytes of a value of any type, as people would write it. */
  bytesOf(column: string): string
}

/** What the catalogue says of writing. */
export interface SeenRights {
  /** The server takes no writes, of most accounts. */
  readOnly: boolean
  /** This account has the rights on both columns. */
  mayWrite: boolean
}
