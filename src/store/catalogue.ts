/** What a database says of its own tables, as far as we ask. */
import type { Column } from './encrypted-places.ts'
import type { WriteRights } from './sql.ts'

/** The tables and columns that are there, and whether the server takes writes. */
export interface Catalogue extends WriteRights {
  columns: readonly Column[]
  /** No two rows of table config have one name. */
  hasUniqueNames: boolean
}

/** @param found rows of a dialect's columnsSql: table, column, whether the server is read-only, key, whether we may write */
export function catalogueOf(found: readonly (readonly unknown[])[]): Catalogue {
  return {
    columns: found.map(([table, column, , key]) => ({
      table: String(table),
      column: String(column),
      isPrimary: key === 'PRI',
    })),
    readOnly: found.some(([, , readOnly]) => Number(readOnly) === 1),
    mayWrite: mayWrite(found),
    hasUniqueNames: hasUniqueNames(found),
  }
}

function mayWrite(columns: readonly (readonly unknown[])[]): boolean {
  const written = columns.filter(([table, column]) => table === 'config' && ['conf', 'value'].includes(String(column)))
  return written.length === 2 && written.every(([, , , , may]) => Number(may) === 1)
}

/** Whether column conf alone is a primary or unique key. */
function hasUniqueNames(columns: readonly (readonly unknown[])[]): boolean {
  const keys = new Map(columns.filter(([table]) => table === 'config').map(([, column, , key]) => [column, key]))
  const isPrimary = [...keys.values()].filter((key) => key === 'PRI').length === 1
  return keys.get('conf') === 'UNI' || (keys.get('conf') === 'PRI' && isPrimary)
}
