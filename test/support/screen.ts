/** What a terminal shows of the bytes that it was sent: xterm's own emulator, without a window. */
import xterm from '@xterm/headless'
import type { Size } from './pty.ts'

const { Terminal } = xterm

/** A cell's text and how it is drawn. */
export interface Cell {
  text: string
  /** Number of a palette's colour; undefined for the usual one. */
  color: number | undefined
  isBold: boolean
  isDim: boolean
}

/**
 * Every line from the first one on, also those that have scrolled away.
 * @param raw what the terminal was sent; sizes between the pieces are those that the window was given meanwhile
 */
export async function readScreen(raw: string | readonly (string | Size)[], size: Size): Promise<Cell[][]> {
  const terminal = new Terminal({ cols: size.columns, rows: size.rows, scrollback: 10_000, allowProposedApi: true })
  for (const piece of typeof raw === 'string' ? [raw] : raw) {
    if (typeof piece === 'string') await new Promise<void>((done) => terminal.write(piece, done))
    else terminal.resize(piece.columns, piece.rows)
  }
  const { active } = terminal.buffer
  const columns = terminal.cols
  const lines = Array.from({ length: active.length }, (_, index) => {
    const line = active.getLine(index)
    return Array.from({ length: columns }, (_cell, column): Cell => {
      const cell = line?.getCell(column)
      const isColored = cell !== undefined && !cell.isFgDefault()
      return {
        text: cell?.getChars() || ' ',
        color: isColored ? cell.getFgColor() : undefined,
        isBold: cell?.isBold() === 1,
        isDim: cell?.isDim() !== 0 && cell !== undefined,
      }
    })
  })
  terminal.dispose()
  return lines
}

/** The same as plain lines, without empty ones at the end. */
export async function readScreenText(raw: string | readonly (string | Size)[], size: Size): Promise<string> {
  const cells = await readScreen(raw, size)
  const lines = cells.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  )
  return `${lines.join('\n').trimEnd()}\n`
}
