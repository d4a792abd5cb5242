/**
 * All values of the places that may be encrypted, read and written.
 *
 * A value is found again by its bytes, not by its row. Equal texts under one key are equal bytes, so all rows
 * with these bytes get the same new ones. That works for tables without a primary key, too, and a row that
 * somebody has changed meanwhile is left alone.
 */
import { KnownError } from '../errors.ts'
import { type Column, type EncryptedPlace, encryptedHex, placesIn, rowsThatCount } from './encrypted-places.ts'
import type { Dialect, Statements } from './sql.ts'

/** A value as it is stored; where a place holds hexadecimal text, the bytes that the text stands for. */
interface StoredValue {
  bytes: Buffer
  /** The primary key of its row, part by part, for people; empty where the table has none. */
  row: readonly string[]
}

/** The values of one place. Empty ones are left out, and what is not hexadecimal text where it should be. */
export interface StoredValues {
  place: EncryptedPlace
  values: readonly StoredValue[]
}

/** Values in one statement. The server compares each row with all of them, one after the other. */
const valuesOfStatement = 4000
/** Characters in a statement: far less than a server takes at once (max_allowed_packet). */
const statementLimit = 512 * 1024

/** @param lockRows the end of the query */
export async function readStoredValues(
  statements: Pick<Statements, 'readAll'>,
  columns: readonly Column[],
  { bytesOf }: Pick<Dialect, 'bytesOf'>,
  lockRows: string,
): Promise<readonly StoredValues[]> {
  const found: StoredValues[] = []
  for (const place of placesIn(columns)) {
    const keys = columns.filter(({ table, isPrimary }) => table === place.table && isPrimary)
    const row = keys.map(({ column }) => `, HEX(${bytesOf(`\`${column}\``)})`).join('')
    const hex = encryptedHex(place)
    const isValue = place.isHex ? `UNHEX(\`${place.column}\`) IS NOT NULL` : '1 = 1'
    const sql = `SELECT ${hex}${row} FROM \`${place.table}\` WHERE LENGTH(\`${place.column}\`) > 0
      AND ${isValue} AND ${rowsThatCount(place, columns)}${lockRows}`
    const rows = await statements.readAll(sql)
    // MySQL's HEX() gives NULL where the result is larger than a packet may be.
    if (rows.some(([bytes]) => bytes === null)) throw tooLarge(place)
    found.push({
      place,
      values: rows.map(([bytes, ...parts]) => ({
        bytes: Buffer.from(String(bytes), 'hex'),
        row: parts.map((part) => Buffer.from(String(part), 'hex').toString('latin1')),
      })),
    })
  }
  return found
}

function tooLarge({ table, column }: EncryptedPlace): KnownError {
  return new KnownError(
    'database-refused',
    `${table}.${column} holds a value that is more than half of what the server sends at once`,
    'raise max_allowed_packet on the server, then run again',
  )
}

/** The new bytes of the values of one place, by the old bytes, both as hexadecimal text. */
export type Replacements = ReadonlyMap<string, string>

export function planReplacements(
  { place, values }: StoredValues,
  newBytes: (value: Buffer, place: EncryptedPlace) => Buffer | undefined,
): Replacements {
  const replacements = new Map<string, string>()
  for (const { bytes } of values) {
    const hex = hexOf(bytes)
    const replacement = replacements.has(hex) ? undefined : newBytes(bytes, place)
    if (replacement) replacements.set(hex, hexOf(replacement))
  }
  return replacements
}

/** @returns how many rows were changed */
export async function writeReplacements(
  statements: Pick<Statements, 'change'>,
  place: EncryptedPlace,
  columns: readonly Column[],
  replacements: Replacements,
): Promise<number> {
  let count = 0
  for (const part of partsOf([...replacements])) {
    const cases = part.map(([before, after]) => `WHEN '${before}' THEN ${literal(place, after)}`).join(' ')
    const list = part.map(([before]) => `'${before}'`).join(',')
    const hex = place.isHex ? hexAsStored(place.column) : encryptedHex(place)
    count += await statements.change(`UPDATE \`${place.table}\` SET \`${place.column}\` = CASE ${hex} ${cases} END
      WHERE ${hex} IN (${list}) AND ${rowsThatCount(place, columns)}`)
  }
  return count
}

/**
 * Whether a place holds what was written to it. A trigger, a column of another character set, or a server that cuts
 * long values, may have changed it without an error.
 * @param before its values before the write
 * @param after its values now
 */
export function holdsWhatWasWritten(before: StoredValues, replacements: Replacements, after: StoredValues): boolean {
  const counts = new Map<string, number>()
  for (const { bytes } of after.values) counts.set(hexOf(bytes), (counts.get(hexOf(bytes)) ?? 0) + 1)
  return before.values.every(({ bytes }) => {
    const wanted = replacements.get(hexOf(bytes)) ?? hexOf(bytes)
    const left = counts.get(wanted) ?? 0
    counts.set(wanted, left - 1)
    return left > 0
  })
}

/**
 * An expression that gives the same as HEX(UNHEX()) for hexadecimal text. In an UPDATE, UNHEX of any other text would
 * be an error, not NULL. MySQL reads an odd number of digits with a zero in front.
 */
function hexAsStored(column: string): string {
  const digits = `UPPER(\`${column}\`)`
  return `CASE WHEN (LENGTH(\`${column}\`) & 1) = 1 THEN CONCAT('0', ${digits}) ELSE ${digits} END`
}

type Pair = readonly [before: string, after: string]

function* partsOf(pairs: readonly Pair[]): Iterable<readonly Pair[]> {
  let part: Pair[] = []
  let length = 0
  for (const pair of pairs) {
    if (part.length === valuesOfStatement || (part.length > 0 && length + 3 * pair[0].length > statementLimit)) {
      yield part
      part = []
      length = 0
    }
    part.push(pair)
    length += 3 * pair[0].length
  }
  if (part.length > 0) yield part
}

/** Hexadecimal digits alone, in the upper case that HEX() gives; the same for both databases. */
function literal({ isHex }: EncryptedPlace, hex: string): string {
  return isHex ? `'${hex}'` : `x'${hex}'`
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase()
}
