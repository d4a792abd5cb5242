/**
 * The table of tasks: the plan, the live list, a check and a result use the same words, marks and
 * order. The word says how a task ended; mark and colour only repeat it.
 */
import { printable } from '../text/printable.ts'
import { wrapTo } from '../text/wrap.ts'
import type { Outcome, TaskResult } from './task.ts'

/** `running` and `waiting` appear only in a live list. */
type State = Outcome | 'running' | 'waiting'

/** The content of one line of the table. */
export type TableRow = Pick<TaskResult, 'name' | 'summary'> & { outcome: State }

export interface Table {
  /**
   * One row, without a line end after it.
   * @param mark what is drawn in the place of its mark
   */
  line(row: TableRow, mark?: string): string
}

/** How the table is drawn. */
export interface TableLooks {
  color: boolean
  unicode: boolean
  /** Characters in a line, asked for with each one; undefined where lines are not broken. */
  columns?: () => number
}

type Color = 'green' | 'yellow' | 'cyan' | 'red' | 'dim' | 'blue'

const marks: Readonly<Record<State, readonly [unicode: string, ascii: string, color: Color]>> = {
  ok: ['✔', '=', 'green'],
  changed: ['●', '*', 'yellow'],
  pending: ['○', '>', 'yellow'],
  skipped: ['–', '-', 'dim'],
  deferred: ['…', '~', 'cyan'],
  failed: ['✘', '!', 'red'],
  running: [' ', ' ', 'blue'],
  waiting: ['·', ' ', 'dim'],
}

const stateWidth = Math.max(...Object.keys(marks).map((state) => state.length))
/** With fewer characters than this beside the name, the summary goes below it. */
const narrowest = 28
const indentBelow = 4

/** @param names of all tasks */
export async function makeTable(names: readonly string[], looks: TableLooks): Promise<Table> {
  const { color, unicode } = looks
  const paint = color ? await painter() : (_color: Color, text: string) => text
  const nameWidth = Math.max(...names.map((name) => name.length))
  const indent = 2 + stateWidth + 2 + nameWidth + 2
  const lineAfterMark = ({ outcome, name, summary }: TableRow) => {
    const columns = looks.columns?.()
    const wrap = columns === undefined ? (text: string) => text : wrapTo({ columns })
    const isNarrow = columns !== undefined && columns - indent < narrowest
    const state = paint(marks[outcome][2], outcome.padEnd(stateWidth))
    const text = printable(summary)
    const isShort = columns !== undefined && 2 + stateWidth + 2 + name.length + 2 + text.length <= columns
    if (isNarrow && isShort) return `${state}  ${name}  ${text}`
    if (isNarrow) return `${state}  ${name}\n${' '.repeat(indentBelow)}${wrap(text, indentBelow)}`
    // A longer name that is not among `names`, such as that of a restart, does not move the column.
    if (name.length > nameWidth && columns !== undefined)
      return `${state}  ${name}\n${' '.repeat(indent)}${wrap(text, indent)}`
    return `${state}  ${name.padEnd(nameWidth)}  ${wrap(text, indent)}`.trimEnd()
  }
  return {
    line(row, mark) {
      const [wide, ascii, hue] = marks[row.outcome]
      return `${paint(hue, mark ?? (unicode ? wide : ascii))} ${lineAfterMark(row)}`
    },
  }
}

async function painter(): Promise<(color: Color, text: string) => string> {
  const { styleText } = await import('node:util')
  // Whether colours are used was decided by the caller.
  return (color, text) => styleText(color, text, { validateStream: false })
}
