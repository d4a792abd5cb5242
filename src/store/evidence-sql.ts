/**
 * One statement that asks a sample of the encrypted values what they say of some keys. It is
 * computed where the values are, in SQL that MariaDB, MySQL and our SQLite understand: REGEXP only
 * on hexadecimal text (MySQL 8 refuses it on bytes), derived tables with a name, no window functions.
 */

/** A column that may hold encrypted values (GROUND facts of OSSIM's schema); its table may be absent. */
export interface ValueColumn {
  table: string
  column: string
  /** Which of its rows count. */
  where?: string
  /** The column holds the hexadecimal text of the encrypted bytes. */
  isHex?: boolean
}

export const valueColumns: readonly ValueColumn[] = [
  {
    table: 'config',
    column: 'value',
    where: "(conf LIKE '%!_pass%' ESCAPE '!' OR conf LIKE '%token%') AND conf <> 'encryption_key'",
  },
  { table: 'databases', column: 'pass' },
  { table: 'server', column: 'remotepass' },
  { table: 'ossec_agentless', column: 'pass' },
  { table: 'ossec_agentless', column: 'ppass' },
  { table: 'vuln_nessus_settings_preferences', column: 'value' },
  { table: 'user_config', column: 'value', where: "category = 'credentials'", isHex: true },
]

const sampleSize = 64

/** Hexadecimal text of printable ASCII only. */
const printableAscii = '^([2-6][0-9A-F]|7[0-9A-E])*$'
/** Hexadecimal text without control characters: letters of UTF-8 and latin1 are text. */
const printable = '^([2-689A-F][0-9A-F]|7[0-9A-E])*$'
/** Hexadecimal text of whole AES blocks. */
const wholeBlocks = '^([0-9A-F]{32})+$'

/** A statement with one row: how many were sampled, and for each key (a parameter) how many it decrypts. */
export function evidenceSql(columns: readonly ValueColumn[], keyCount: number): string {
  const counts = Array.from({ length: keyCount }, () => `COALESCE(SUM(${decrypts}), 0)`)
  const samples = columns.map(sampleSql).join(' UNION ALL ')
  if (samples === '') return `SELECT 0${', 0'.repeat(keyCount)}`
  const limited = `SELECT hex FROM (${samples}) AS found LIMIT ${sampleSize}`
  return `SELECT COUNT(*)${counts.map((count) => `, ${count}`).join('')} FROM (${limited}) AS sample`
}

/** A wrong key decrypts to NULL, or once in some 256 times to noise; HEX(NULL) is NULL or empty, by the database. */
const decrypts = `HEX(COALESCE(AES_DECRYPT(UNHEX(hex), ?), X'00')) REGEXP '${printable}'`

function sampleSql(source: ValueColumn, index: number): string {
  const hex = source.isHex ? `UPPER(\`${source.column}\`)` : `HEX(\`${source.column}\`)`
  const conditions = [
    ...(source.where ? [source.where] : []),
    `LENGTH(\`${source.column}\`) > 0`,
    `${hex} REGEXP '${wholeBlocks}'`,
    `NOT (${hex} REGEXP '${printableAscii}')`,
  ]
  const rows = `SELECT ${hex} AS hex FROM \`${source.table}\` WHERE ${conditions.join(' AND ')} LIMIT ${sampleSize}`
  return `SELECT hex FROM (${rows}) AS source${index}`
}
