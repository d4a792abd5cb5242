/**
 * The places of values that are encrypted with the key. Every statement about such values is made from this
 * one list. It was read in OSSIM 4.x to 5.8.11; each table may be absent.
 */
import { blockBytes } from '../key/aes.ts'

export interface EncryptedPlace {
  table: string
  /** In lower case; servers ignore the case. */
  column: string
  /** Which of its rows count, and the column that the condition needs. */
  rows?: { column: string; condition: string }
  /** The column holds the hexadecimal text of the encrypted bytes. */
  isHex?: true
  /** The releases of OSSIM that have it; all where they are absent. */
  since?: string
  until?: string
}

export const encryptedPlaces: readonly EncryptedPlace[] = [
  {
    table: 'config',
    column: 'value',
    rows: {
      column: 'conf',
      condition: "(conf LIKE '%!_pass' ESCAPE '!' OR conf LIKE '%!_key' ESCAPE '!') AND conf <> 'encryption_key'",
    },
  },
  { table: 'databases', column: 'pass' },
  { table: 'server', column: 'remotepass', since: '4.2' },
  { table: 'host_agentless', column: 'pass' },
  { table: 'host_agentless', column: 'ppass' },
  {
    table: 'vuln_nessus_settings_preferences',
    column: 'value',
    rows: { column: 'type', condition: "type = 'P'" },
  },
  {
    table: 'user_config',
    column: 'value',
    rows: { column: 'category', condition: "category = 'credentials'" },
    isHex: true,
    since: '4.3',
  },
  { table: 'vuln_nessus_servers', column: 'password', until: '5.8.9' },
  { table: 'credentials', column: 'password', since: '4.0', until: '4.1' },
  { table: 'ldap', column: 'password', since: '4.0', until: '4.1' },
]

/** A column of the schema, both names in lower case. */
export interface Column {
  table: string
  column: string
  /** It is the primary key of its table, or a part of that. */
  isPrimary: boolean
}

/** How many values are enough to prove or disprove a key. */
const sampleSize = 64
/** Of a long value, its first bytes are read, this many, and its last block, which has the padding. */
const shownBytes = 256

/** Those places that are in the schema. */
export function placesIn(columns: readonly Column[]): EncryptedPlace[] {
  return encryptedPlaces.filter(({ table, column }) => has(columns, table, column))
}

/**
 * A statement whose rows are (number of the place, hexadecimal text of an encrypted value): at most
 * a sample of each place. A long value is cut in its middle. AES in MySQL's default mode goes block
 * by block, so that what is left decrypts as it would have.
 *
 * REGEXP is used on short hexadecimal texts alone: MySQL refuses it on bytes, and gives up on long
 * ones. A block of AES is printable once in ten million times. The remainder is taken with &, since % is not
 * one in MariaDB's mode ORACLE.
 */
export function sampleSql(places: readonly EncryptedPlace[], columns: readonly Column[]): string {
  const shown = 2 * shownBytes
  return places
    .map((place, index) => {
      const { table } = place
      const hex = encryptedHex(place)
      const condition = ` WHERE ${rowsThatCount(place, columns)}`
      const isLong = `LENGTH(hex) > ${shown + 2 * blockBytes}`
      return `SELECT * FROM (SELECT ${index} AS place,
        CASE WHEN ${isLong} THEN CONCAT(SUBSTR(hex, 1, ${shown}), SUBSTR(hex, -${2 * blockBytes})) ELSE hex END AS hex
        FROM (SELECT ${hex} AS hex FROM \`${table}\`${condition}) AS value${index}
        WHERE LENGTH(hex) > 0 AND (LENGTH(hex) & ${2 * blockBytes - 1}) = 0
          AND NOT (SUBSTR(hex, 1, ${4 * blockBytes}) REGEXP '^([2-6][0-9A-F]|7[0-9A-E])*$')
        LIMIT ${sampleSize}) AS sample${index}`
    })
    .join(' UNION ALL ')
}

/** The expression for the hexadecimal text of the encrypted bytes; NULL for what is no such text. */
export function encryptedHex({ column, isHex }: EncryptedPlace): string {
  return isHex ? `HEX(UNHEX(\`${column}\`))` : `HEX(\`${column}\`)`
}

/** The condition for the rows of a place. */
export function rowsThatCount({ table, rows }: EncryptedPlace, columns: readonly Column[]): string {
  return rows && has(columns, table, rows.column) ? rows.condition : '1 = 1'
}

/** The values of a sample, taken from the places in turn until there are enough. */
export function spreadSample(rows: readonly (readonly unknown[])[]): Buffer[] {
  const byPlace = Map.groupBy(rows, ([place]) => Number(place))
  const sample: Buffer[] = []
  for (let turn = 0; turn < sampleSize; turn += 1) {
    for (const ofPlace of byPlace.values()) {
      const hex = ofPlace[turn]?.[1]
      if (typeof hex === 'string' && sample.length < sampleSize) sample.push(Buffer.from(hex, 'hex'))
    }
  }
  return sample
}

function has(columns: readonly Column[], table: string, column: string): boolean {
  return columns.some((one) => one.table === table && one.column === column)
}
