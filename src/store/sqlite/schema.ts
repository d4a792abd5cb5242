/**
 * What the embedded store may hold: ordinary tables, and the indexes that SQLite makes for their
 * keys. Everything else in a schema is code that would run in our process, with the rights of the account that
 * opens the file: triggers, views, generated columns, CHECK constraints, defaults and indexes that are
 * expressions, virtual tables.
 */

/** A row of sqlite_schema: type, name, SQL text. */
export type SchemaRow = readonly unknown[]

/** The statement that gives these rows. */
export const schemaSql = 'SELECT type, name, sql FROM main.sqlite_schema'

/** What in a schema is refused, in words for people that quote no name of it; undefined when all is well. */
export function refusedPart(rows: readonly SchemaRow[]): string | undefined {
  for (const [type, name, sql] of rows) {
    const refused = type === 'table' ? refusedInTable(String(sql)) : refusedBesideTables(type, name, sql)
    if (refused) return refused
  }
  return undefined
}

function refusedBesideTables(type: unknown, name: unknown, sql: unknown): string | undefined {
  if (type === 'trigger') return 'a trigger'
  if (type === 'view') return 'a view'
  if (type === 'index') return sql === null && String(name).startsWith('sqlite_autoindex_') ? undefined : 'an index'
  return 'something that is no table'
}

/** Texts, quoted names and comments (each also without its end), words, and single characters. */
const tokenPattern =
  /'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[\w$\u0080-\uffff]+|\S/g

function refusedInTable(sql: string): string | undefined {
  const words = (sql.match(tokenPattern) ?? []).filter((token) => !/^(--|\/\*)/.test(token)).map((t) => t.toUpperCase())
  if (words[0] !== 'CREATE' || words[1] !== 'TABLE') return 'a virtual table'
  if (words.includes('CHECK')) return 'a CHECK constraint'
  if (words.includes('AS')) return 'a generated column'
  if (words.some((word, index) => word === 'DEFAULT' && words[index + 1] === '('))
    return 'a default that is an expression'
  return undefined
}
