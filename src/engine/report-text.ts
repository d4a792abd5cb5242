/**
 * The run as people see it: a live list on a terminal (listr2), plain aligned lines in a pipe. A
 * task is told when it has ended; what went wrong is told once, after the list, by whoever called.
 */

import { printable } from '../text/printable.ts'
import type { Tell } from './plan-tasks.ts'
import { recapLine, resultLine, unifiedDiff, wrapTo } from './report-lines.ts'
import type { TaskResult } from './task.ts'

/** Where text goes. */
interface TextOutput {
  write(text: string): void
  /** Absent where it is not read by a person at one. */
  readonly terminal?: object | undefined
  /** Characters in a line. */
  readonly columns?: number | undefined
}

export interface TextOptions {
  tasks: readonly { name: string; title: string }[]
  output: TextOutput
  color: boolean
  /** Draw a list that changes in place, where the terminal can. */
  live: boolean
  /** Show what changes or would change. */
  diff: boolean
}

export interface TextReport {
  tell: Tell
  /** Ends the list alone: the run is begun again. */
  close(): Promise<void>
  /** Ends the list and prints diffs, warnings and the recap. */
  end(results: readonly TaskResult[]): Promise<void>
}

/** A live list where it can be drawn, plain lines elsewhere. */
export async function reportText(options: TextOptions): Promise<TextReport> {
  const isLive = options.live && options.output.terminal && options.color && process.env.TERM !== 'dumb'
  const list = isLive ? await startList(options) : await plainLines(options)
  return {
    tell: (result) => list.tell(result),
    close: () => list.closed(),
    async end(results) {
      await list.closed()
      const { output } = options
      for (const result of results) if (options.diff && result.diff) output.write(await unifiedDiff(result.diff))
      for (const warning of new Set(results.flatMap((result) => result.warnings))) output.write(`warning: ${warning}\n`)
      output.write(`${recapLine(results)}\n`)
    },
  }
}

interface List {
  tell: Tell
  closed(): Promise<void>
}

async function plainLines({ tasks, output }: TextOptions): Promise<List> {
  const width = Math.max(...tasks.map((task) => task.name.length))
  const wrap = output.terminal ? await wrapTo(output) : undefined
  return {
    tell: (result) => void output.write(`${resultLine(result, width, wrap)}\n`),
    closed: async () => {},
  }
}

/** listr2 draws; the runner runs. Each line waits for the result of its task. */
async function startList({ tasks, output }: TextOptions): Promise<List> {
  const { Listr } = await import('listr2')
  const waiting = new Map(tasks.map((task) => [task.name, Promise.withResolvers<TaskResult>()]))
  const list = new Listr(
    tasks.map(({ name, title }) => ({
      title,
      async task(_context, line) {
        const result = await (waiting.get(name)?.promise as Promise<TaskResult>)
        const said = result.outcome === 'ok' ? result.summary : `${result.outcome}, ${result.summary}`
        line.title = printable(`${title}: ${said}`)
        if (result.outcome === 'skipped') line.skip(line.title)
        if (result.outcome === 'failed') throw new Error(title)
      },
    })),
    {
      exitOnError: false,
      // Signals are the program's own business: listr2's handler would end the process at once.
      registerSignalListeners: false,
      rendererOptions: { collapseErrors: false, showErrorMessage: false },
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
    async closed() {
      await drawn
      // A restart is known only when all tasks have ended.
      for (const result of late) output.write(`${resultLine(result, result.name.length)}\n`)
    },
  }
}
