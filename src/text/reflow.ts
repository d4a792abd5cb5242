import { stripVTControlCharacters } from 'node:util'

/**
 * A terminal that gets narrower breaks lines that no longer fit, and the cursor moves down with what it stands below.
 * @param lines that were drawn above the cursor, with their colours
 * @param columns of the terminal now
 * @returns how many rows more they take than one each
 */
export function addedRows(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => {
    const { length } = [...stripVTControlCharacters(line)]
    return sum + Math.max(Math.ceil(length / columns) - 1, 0)
  }, 0)
}

/** Empties the line that the cursor is in. */
export const eraseLine = '\r\u001b[K'

/** Moves the cursor up so many rows, to the beginning of that row, and erases all from there on. */
export function eraseFrom(rowsAbove: number): string {
  return `${rowsAbove > 0 ? `\u001b[${rowsAbove}A` : ''}\r\u001b[J`
}
