/**
 * Shows a run to people: a live list on a terminal (listr2), the same lines one by one elsewhere. A
 * task is shown when it has ended; the caller reports an error once more, after the list.
 */

import { printable } from '../text/printable.ts'
import { usualColumns, wrapTo } from '../text/wrap.ts'
import type { Tell } from './plan-tasks.ts'
import { conclusionLine, recapLine, unifiedDiff } from './report-lines.ts'
import { makeTable, type Table } from './table.ts'
import type { TaskResult } from './task.ts'

/** Where text goes. */
interface TextOutput {
  write(text: string): void
  /** For a text that is printable, except for its colours. */
  draw(text: string): void
  /** The terminal; absent where the output is something else, such as a pipe. */
  readonly terminal?: { readonly columns?: number; readonly rows?: number } | undefined
}

export interface TextOptions {
  tasks: readonly { name: string; title: string }[]
  output: TextOutput
  color: boolean
  /** Marks beyond ASCII. */
  unicode: boolean
  /** Draw a list that changes in place, where the terminal can. */
  live: boolean
  /** Show what changes or would change. */
  diff: boolean
  /** Nothing is changed. */
  check: boolean
}

export interface TextReport {
  tell: Tell
  /** Ends only the list: the run is begun again. */
  close(): Promise<void>
  /** Ends the list and prints diffs, warnings, the recap, and what is true now. */
  end(results: readonly TaskResult[]): Promise<void>
}

/** listr2 leaves as many columns free. On some terminals an empty line follows a line that reaches the edge. */
const margin = 2
/** A live list needs so many columns: a list that scrolls cannot be drawn again. */
const liveColumns = 60

/** A live list where it can be drawn, plain lines elsewhere. */
export async function reportText(options: TextOptions): Promise<TextReport> {
  const { output, tasks, color, unicode } = options
  const { terminal } = output
  const table = await tableOn(
    output,
    options,
    tasks.map(({ name }) => name),
  )
  const hasRoom = (terminal?.columns ?? 0) >= liveColumns && (terminal?.rows ?? 0) > 2 * tasks.length
  const list = options.live && color && unicode && hasRoom ? await startList(options, table) : lines(options, table)
  return {
    tell: (result) => list.tell(result),
    close: () => list.close(),
    async end(results) {
      await list.close()
      const wrap = terminal ? wrapTo(terminal) : (text: string) => text
      const diffs = options.diff ? results.flatMap(({ diff }) => diff ?? []) : []
      if (diffs.length > 0) output.write(`\n${await unifiedDiff(diffs)}\n`)
      for (const warning of new Set(results.flatMap((result) => result.warnings)))
        output.write(`${wrap(`warning: ${warning}`, 0)}\n`)
      output.write(`${wrap(recapLine(results), 0)}\n${wrap(conclusionLine(results, options.check), 0)}\n`)
    },
  }
}

/**
 * The table, fitted to a terminal; elsewhere without line breaks, colours and marks.
 * @param names of all tasks
 */
export function tableOn(
  { terminal }: Pick<TextOutput, 'terminal'>,
  { color, unicode }: Pick<TextOptions, 'color' | 'unicode'>,
  names: readonly string[],
): Promise<Table> {
  if (!terminal) return makeTable(names, { color: false, unicode: false })
  return makeTable(names, { color, unicode, columns: (terminal.columns || usualColumns) - margin })
}

interface List {
  tell: Tell
  close(): Promise<void>
}

function lines({ output }: TextOptions, table: Table): List {
  return {
    tell: (result) => output.draw(`${table.line(result)}\n`),
    close: async () => {},
  }
}

/** listr2 draws; the runner runs. Each line waits for the result of its task. */
async function startList({ tasks, output }: TextOptions, table: Table): Promise<List> {
  const { Listr } = await import('listr2')
  const waiting = new Map(tasks.map((task) => [task.name, Promise.withResolvers<TaskResult>()]))
  const list = new Listr(
    tasks.map(({ name, title }) => ({
      title: table.line({ outcome: 'waiting', name, summary: printable(title) }),
      async task(_context, line) {
        // Where the mark will be, a spinner turns.
        line.title = table.lineAfterMark({ outcome: 'running', name, summary: printable(title) })
        const result = await (waiting.get(name)?.promise as Promise<TaskResult>)
        line.title = table.line(result)
      },
    })),
    {
      exitOnError: false,
      // Signals are the program's own business: listr2's handler would end the process at once.
      registerSignalListeners: false,
      rendererOptions: {
        // The lines are those of the table, whole.
        icon: { COMPLETED: '', WAITING: '' },
        indentation: 0,
        collapseErrors: false,
        showErrorMessage: false,
      },
    },
  )
  const drawn = list.run()
  const late: TaskResult[] = []
  return {
    tell(result) {
      const line = waiting.get(result.name)
      if (line) line.resolve(result)
      else late.push(result)
    },
    async close() {
      await drawn
      // A restart is known only when all tasks have ended.
      for (const result of late) output.draw(`${table.line(result)}\n`)
    },
  }
}
