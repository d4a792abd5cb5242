import type { Evidence } from '../key/encrypted-values.ts'
import type { Key } from '../key/key.ts'
import type { EncryptedPlace } from './encrypted-places.ts'
import type { StoredValues } from './stored-values.ts'

/** Rows of table `config` by name, as bytes; a row that is not there is not in the map, NULL is null. */
export type ConfigRows = ReadonlyMap<string, Buffer | null>

export const keyRow = 'encryption_key'
/** See key/superseded.ts. */
export const supersededRow = 'encryption_key_superseded'

/** The key on another server of the list. */
export interface KeyElsewhere {
  place: string
  /** The bytes of row `encryption_key`; empty where there is none. */
  bytes: Buffer
}

/** What of the schema is there. */
export interface Schema {
  /** Table `config` exists. */
  table: boolean
  /** Names of the default rows that are missing; all of them while the table is. */
  missingRows: readonly string[]
}

/** How stored values are encrypted anew, and which keys are written with them. */
export interface Rewrite {
  /** The bytes of row `encryption_key` that the caller has seen. */
  seenKey: Buffer
  /** A value's new bytes; undefined where it stays as it is. May be called several times for one value. */
  newBytes(value: Buffer, place: EncryptedPlace): Buffer | undefined
  /** The new key, and the text of row `encryption_key_superseded` that goes with it. */
  keys?: { key: Key; superseded: string }
}

/**
 * Wraps each wait for a server, and returns what the work returns.
 * @param what is waited for, such as `database alienvault on 127.0.0.1:3306`
 */
export type Watch = <T>(what: string, work: Promise<T>) => Promise<T>

/** Nobody is told of a wait. */
export const waitInSilence: Watch = (_what, work) => work

/**
 * Table `config`, wherever it lives. Every method throws a KnownError when the store does not
 * answer or refuses (`database-unreachable`, `database-refused`, `missing-schema`,
 * `database-failed`, `busy`): an error is never an empty result.
 */
export interface ConfigStore extends AsyncDisposable {
  /** Where it is, for people: `alienvault on 127.0.0.1:3306`. */
  readonly place: string

  /** What is wrong with the connection to it, for people. */
  readonly warnings: readonly string[]

  /** Reads what of the schema exists; changes nothing. */
  schema(): Promise<Schema>

  /** Creates the table and its default rows where they are missing; existing rows stay as they are. */
  createSchema(): Promise<void>

  /** Throws unless this account may read, insert and update rows and the store is not read-only; changes nothing. */
  requireWritable(): Promise<void>

  /** The rows that concern the product (`config-table.ts` lists them), read once and again after each write of this session. */
  rows(): Promise<ConfigRows>

  /**
   * Waits for what other servers of the same cluster have committed, now and before each later read: a node that is
   * behind shows an empty row that has a key already. After it, rows() reads from the server again.
   * @returns false where there is nothing to wait for, and what was read stands
   */
  catchUp(): Promise<boolean>

  /**
   * Row `encryption_key` of every other server that the settings name, answers and has a table `config`. After it,
   * rows() reads from the server again.
   * @throws KnownError for a server that answers and refuses
   */
  keysElsewhere(): Promise<readonly KeyElsewhere[]>

  /**
   * Puts the key into row `encryption_key` if that row is absent, NULL or empty, atomically among
   * any number of machines. Returns the bytes that the row holds afterwards: those of the winner.
   */
  claimRow(key: Key): Promise<Buffer>

  /**
   * Replaces the row's value, but only while its bytes are those that the caller has seen.
   * Returns false when somebody was faster; nothing was changed then.
   */
  replaceRow(seen: Buffer, key: Key): Promise<boolean>

  /** The addresses of the sensors, as texts (OSSIM `Listener.py`); none where the store knows no sensors. */
  sensors(): Promise<readonly string[]>

  /** Throws unless all values could be encrypted anew in one transaction; changes nothing. */
  requireRewritable(): Promise<void>

  /** Every value of every place that may be encrypted; changes nothing. */
  storedValues(): Promise<readonly StoredValues[]>

  /**
   * Encrypts values anew, and writes the rows of the keys where `keys` is given, all in one transaction. A value is
   * replaced only while it still is what was read.
   * @returns how many values were replaced; undefined when row `encryption_key` is not `seenKey` any more: nothing
   * was changed then
   */
  rewriteValues(rewrite: Rewrite): Promise<number | undefined>

  /** Tries each key on a sample of the encrypted values. */
  examine(keys: readonly Key[]): Promise<Evidence>
}

/** Ends the hint of an error that passes by itself. It is taken off where the run has waited already. */
export const waitHint = '; to wait for it: --wait-for-db SECONDS'
