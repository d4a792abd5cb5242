/**
 * Shows a run to people: a live list on a terminal (listr2), the same lines one by one elsewhere. A
 * task is shown when it has ended; the caller reports an error once more, after the list.
 */

import { printable } from '../text/printable.ts'
import { addedRows, eraseFrom } from '../text/reflow.ts'
import { usualColumns, wrapTo } from '../text/wrap.ts'
import type { Tell } from './plan-tasks.ts'
import { conclusionLine, recapLine, unifiedDiff } from './report-lines.ts'
import { makeTable, type Table, type TableRow } from './table.ts'
import type { TaskResult } from './task.ts'

/** Where text goes. */
interface TextOutput {
  write(text: string): void
  /** For a text that is printable, except for its colours. */
  draw(text: string): void
  /** The terminal; absent where the output is something else, such as a pipe. */
  readonly terminal?: Screen | undefined
}

/** A terminal, of a size that may change. */
interface Screen {
  readonly columns?: number
  readonly rows?: number
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
  /** A list changes in place until it is closed. */
  readonly isLive: boolean
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
  const isLive = options.live && color && unicode && hasRoom
  const list = isLive && terminal ? await startList(options, table, terminal) : lines(options, table)
  return {
    isLive: isLive && terminal !== undefined,
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
  return makeTable(names, { color, unicode, columns: () => (terminal.columns || usualColumns) - margin })
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

/** listr2 draws, and turns the spinner; the runner runs. Each line waits for the result of its task. */
async function startList({ tasks, output }: TextOptions, table: Table, terminal: Screen): Promise<List> {
  const { DefaultRenderer, Listr, ListrLogger, ProcessOutput, Spinner } = await import('listr2')
  const entries = tasks.map(({ name, title }) => ({
    row: { outcome: 'waiting', name, summary: printable(title) } as TableRow,
    result: Promise.withResolvers<TaskResult>(),
  }))
  const spinner = new Spinner()
  // It holds back what others write while it draws.
  const processOutput = new ProcessOutput()
  const logger = new ListrLogger({ processOutput, toStderr: [] })

  class TableRenderer extends DefaultRenderer {
    #lines: readonly string[] = []
    #columns = terminal.columns

    /** The lines are those of the table, whole, and as wide as the terminal is now. */
    override create(): string {
      this.#lines = entries
        .map(({ row }) => table.line(row, row.outcome === 'running' ? spinner.fetch() : undefined))
        .flatMap((line) => line.split('\n'))
      return this.#lines.join('\n')
    }

    /** As many rows are taken back as were written; a narrower window has made more of them. */
    override update(): void {
      if (terminal.columns !== this.#columns)
        processOutput.toStdout(eraseFrom(addedRows(this.#lines, terminal.columns || usualColumns)), false)
      this.#columns = terminal.columns
      super.update()
    }
  }

  const list = new Listr(
    entries.map((entry) => ({
      title: entry.row.name,
      async task() {
        entry.row = { ...entry.row, outcome: 'running' }
        entry.row = await entry.result.promise
      },
    })),
    {
      exitOnError: false,
      // Signals are the program's own business: listr2's handler would end the process at once.
      registerSignalListeners: false,
      renderer: TableRenderer,
      rendererOptions: { spinner, logger },
    },
  )
  const drawn = list.run()
  const late: TaskResult[] = []
  return {
    tell(result) {
      const entry = entries.find(({ row }) => row.name === result.name)
      if (entry) entry.result.resolve(result)
      else late.push(result)
    },
    async close() {
      await drawn
      // A restart is known only when all tasks have ended.
      for (const result of late) output.draw(`${table.line(result)}\n`)
    },
  }
}
