/**
 * Table `config` in SQL that both drivers understand. Values travel as hexadecimal text, so that
 * no character set ever touches them; every WHERE compares bytes, since the column's collation
 * ignores case and trailing blanks and AES does not.
 */
import { KnownError } from '../errors.ts'
import { ValueCipher } from '../key/aes.ts'
import { type Evidence, isText } from '../key/encrypted-values.ts'
import type { Key } from '../key/key.ts'
import { defaultRows, settingRows } from '../settings/definitions.ts'
import { setupCommand } from '../text/command-line.ts'
import { type Catalogue, catalogueOf } from './catalogue.ts'
import {
  type ConfigRows,
  type ConfigStore,
  type KeyElsewhere,
  keyRow,
  type Rewrite,
  type Schema,
  supersededRow,
} from './config-store.ts'
import { type Column, type EncryptedPlace, placesIn, sampleSql, spreadSample } from './encrypted-places.ts'
import { ReadCache } from './read-cache.ts'
import type { SqlConnection, Statements } from './sql.ts'
import {
  holdsWhatWasWritten,
  planReplacements,
  readStoredValues,
  type StoredValues,
  writeReplacements,
} from './stored-values.ts'

/** The rows that concern the product. */
const quotedNames = [keyRow, supersededRow, ...settingRows].map((name) => `'${name}'`)
/** The database compares the names, by the column's collation: it may ignore case and trailing blanks. */
const nameSql = `CASE conf ${quotedNames.map((name) => `WHEN ${name} THEN ${name}`).join(' ')} END`
const readRowsSql = `SELECT ${nameSql} AS name, HEX(value) AS hex FROM config WHERE conf IN (${quotedNames.join(', ')})`

/** How a server was chosen among several. */
export interface ServerChoice {
  /** Which servers were passed over, and why. */
  warnings: readonly string[]
  /** None of the servers takes writes, as an error that names them all. */
  noneTakesWrites?: KnownError
  /** Functions that open the other servers. */
  others: readonly (() => Promise<ConfigStore>)[]
}

export class ConfigTable implements ConfigStore {
  readonly #connection: SqlConnection
  readonly #choice: ServerChoice
  /** What was read, until this session writes. */
  readonly #rows = new ReadCache<ConfigRows>()
  readonly #catalogue = new ReadCache<Catalogue>()

  constructor(connection: SqlConnection, choice: ServerChoice = { warnings: [], others: [] }) {
    this.#connection = connection
    this.#choice = choice
  }

  get place(): string {
    return this.#connection.place
  }

  get warnings(): readonly string[] {
    return [...this.#choice.warnings, ...(this.#connection.warnings ?? [])]
  }

  async schema(): Promise<Schema> {
    const { columns } = await this.#catalogue.recall(() => this.#readCatalogue())
    if (!hasTable(columns)) {
      return { table: false, missingRows: defaultRows.map(([name]) => name) }
    }
    const found = await this.rows()
    return { table: true, missingRows: defaultRows.map(([name]) => name).filter((name) => !found.has(name)) }
  }

  async createSchema(): Promise<void> {
    this.#forget()
    await this.#connection.change(this.#connection.dialect.createTableSql)
    for (const row of defaultRows) await this.#connection.change(this.#connection.dialect.insertMissingSql, row)
  }

  async requireWritable(): Promise<void> {
    const seen = await this.#requireTable()
    try {
      await this.#connection.dialect.requireWritable(this.#connection, seen)
    } catch (error) {
      const { noneTakesWrites } = this.#choice
      throw noneTakesWrites && error instanceof KnownError && error.code === noneTakesWrites.code
        ? noneTakesWrites
        : error
    }
  }

  async rows(): Promise<ConfigRows> {
    await this.#requireTable()
    return this.#rows.recall(() => this.#readRows())
  }

  async catchUp(): Promise<boolean> {
    const { catchUp } = this.#connection.dialect
    if (!(await catchUp?.(this.#connection))) return false
    this.#forget()
    return true
  }

  async keysElsewhere(): Promise<readonly KeyElsewhere[]> {
    const found: KeyElsewhere[] = []
    for (const open of this.#choice.others) {
      // A cluster can be set up while a node is down or out of the cluster: those that answer speak for it.
      const key = await readKeyOf(open).catch(ignoreIfUnreachable)
      if (key) found.push(key)
    }
    this.#forget()
    return found
  }

  async claimRow(key: Key): Promise<Buffer> {
    await this.#requireTable()
    this.#forget()
    const text = key.reveal()
    await this.#connection.change(this.#connection.dialect.claimSql, [keyRow, text, text])
    const winner = (await this.rows()).get(keyRow)
    if (!winner)
      throw new KnownError('database-failed', `row ${keyRow} was claimed and is gone in ${this.place}`, 'run again')
    return winner
  }

  async replaceRow(seen: Buffer, key: Key): Promise<boolean> {
    await this.#requireTable()
    this.#forget()
    const sql = 'UPDATE config SET value = ? WHERE conf = ? AND HEX(value) = ?'
    return (await this.#connection.change(sql, [key.reveal(), keyRow, hexOf(seen)])) === 1
  }

  async sensors(): Promise<readonly string[]> {
    const { sensorsSql } = this.#connection.dialect
    if (sensorsSql === undefined) return []
    try {
      const found = await this.#connection.query(sensorsSql)
      return found.flatMap(([address]) => (typeof address === 'string' ? [address] : []))
    } catch (error) {
      if (error instanceof KnownError && error.code === 'missing-schema') return []
      throw error
    }
  }

  /**
   * Values are decrypted here: so no statement holds the key, and the server's `block_encryption_mode` does not
   * matter.
   */
  async examine(keys: readonly Key[]): Promise<Evidence> {
    const { columns } = await this.#requireTable()
    const found = await this.#connection.query(sampleSql(placesIn(columns), columns))
    const sample = spreadSample(found)
    const counts = keys.map((key) => {
      const cipher = new ValueCipher(key.reveal())
      const texts = sample.map((value) => cipher.decrypt(value)).filter((text) => text && isText(text))
      return [key.reveal(), texts.length] as const
    })
    return { sampled: sample.length, decrypted: new Map(counts) }
  }

  async requireRewritable(): Promise<void> {
    const seen = await this.#requireTable()
    const { dialect } = this.#connection
    await dialect.requireWritable(this.#connection, seen)
    await dialect.requireRewritable(this.#connection, placesIn(seen.columns))
  }

  async storedValues(): Promise<readonly StoredValues[]> {
    const { columns } = await this.#requireTable()
    return readStoredValues(this.#connection, columns, this.#connection.dialect, '')
  }

  async rewriteValues({ seenKey, newBytes, keys }: Rewrite): Promise<number | undefined> {
    const { columns } = await this.#requireTable()
    this.#forget()
    const { dialect } = this.#connection
    return this.#connection.transaction(async (statements) => {
      const sql = `SELECT HEX(value) FROM config WHERE conf = '${keyRow}'${dialect.lockRows}`
      const [[hex] = []] = await statements.query(sql)
      if (typeof hex !== 'string' || hex !== hexOf(seenKey)) return undefined
      const count = await this.#rewritePlaces(statements, columns, newBytes)
      if (keys) {
        await statements.change(dialect.insertMissingSql, [supersededRow, ''])
        await this.#writeRow(statements, supersededRow, keys.superseded)
        await this.#writeRow(statements, keyRow, keys.key.reveal())
      }
      return count
    })
  }

  /** What was written is read again before the commit: a server may cut or change a value without an error. */
  async #rewritePlaces(
    statements: Statements,
    columns: readonly Column[],
    newBytes: Rewrite['newBytes'],
  ): Promise<number> {
    const { dialect } = this.#connection
    const read = () => readStoredValues(statements, columns, dialect, dialect.lockRows)
    const places = (await read()).map((before) => ({ before, replacements: planReplacements(before, newBytes) }))
    let count = 0
    for (const { before, replacements } of places)
      count += await writeReplacements(statements, before.place, columns, replacements)
    if (count === 0) return 0
    for (const after of await read()) {
      const written = places.find(({ before }) => before.place === after.place)
      if (!written || !holdsWhatWasWritten(written.before, written.replacements, after))
        throw this.#notKept(after.place)
    }
    return count
  }

  async #writeRow(statements: Statements, name: string, value: string): Promise<void> {
    await statements.change('UPDATE config SET value = ? WHERE conf = ?', [value, name])
    const found = await statements.query(`SELECT HEX(value) FROM config WHERE conf = '${name}'`)
    if (found.length !== 1 || found[0]?.[0] !== hexOf(Buffer.from(value)))
      throw this.#notKept({ table: 'config', column: 'value' })
  }

  #notKept({ table, column }: Pick<EncryptedPlace, 'table' | 'column'>): KnownError {
    return new KnownError(
      'database-refused',
      `${table}.${column} of ${this.place} does not keep what is written to it; nothing was changed`,
      'look for a trigger on the table, and for a column that is too short or whose character set is not latin1',
    )
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#connection[Symbol.asyncDispose]()
  }

  async #requireTable(): Promise<Catalogue> {
    const catalogue = await this.#catalogue.recall(() => this.#readCatalogue())
    if (hasTable(catalogue.columns)) {
      if (catalogue.hasUniqueNames) return catalogue
      throw new KnownError(
        'missing-schema',
        `table config in ${this.place} has no key on conf: two machines could claim one row each`,
        'remove rows that are there twice, then: ALTER TABLE config ADD PRIMARY KEY (conf); a view has no key, put the table in its place',
      )
    }
    const hint = `name the right database with --db-name, or create it: ${setupCommand(this.#connection.root)} --create-schema`
    throw new KnownError('missing-schema', `table config is missing in ${this.place}`, hint)
  }

  async #readCatalogue(): Promise<Catalogue> {
    const found = (await this.#readAtOnce()) ?? (await this.#connection.query(this.#connection.dialect.columnsSql))
    return catalogueOf(found)
  }

  /**
   * Reads the rows together with the catalogue, in one statement.
   * @returns the columns of the catalogue; undefined where that fails, since there is no table config yet, and where
   * the dialect has no such statement
   */
  async #readAtOnce(): Promise<readonly (readonly unknown[])[] | undefined> {
    const sql = this.#connection.dialect.columnsAndRowsSql?.(readRowsSql)
    if (sql === undefined) return undefined
    try {
      const found = await this.#connection.query(sql)
      const rowsOfKind = (kind: string) => found.filter(([one]) => one === kind).map(([, ...fields]) => fields)
      void this.#rows.recall(async () => rowsOf(rowsOfKind('row')))
      return rowsOfKind('column')
    } catch (error) {
      if (error instanceof KnownError && error.code === 'missing-schema') return undefined
      throw error
    }
  }

  async #readRows(): Promise<ConfigRows> {
    return rowsOf(await this.#connection.query(readRowsSql))
  }

  #forget(): void {
    this.#rows.forget()
    this.#catalogue.forget()
  }
}

function rowsOf(found: readonly (readonly unknown[])[]): ConfigRows {
  return new Map(found.map(([name, hex]) => [String(name), bytesOf(hex)]))
}

function hasTable(columns: readonly Column[]): boolean {
  return columns.some(({ table }) => table === 'config')
}

function bytesOf(hex: unknown): Buffer | null {
  return hex === null ? null : Buffer.from(String(hex), 'hex')
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase()
}

/** @returns undefined where there is no table config */
async function readKeyOf(open: () => Promise<ConfigStore>): Promise<KeyElsewhere | undefined> {
  await using store = await open()
  if (!(await store.schema()).table) return undefined
  return { place: store.place, bytes: (await store.rows()).get(keyRow) ?? Buffer.alloc(0) }
}

/** @throws any other error of a server */
function ignoreIfUnreachable(error: unknown): undefined {
  if (!(error instanceof KnownError) || error.code !== 'database-unreachable') throw error
}
