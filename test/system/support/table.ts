/** A reporter of node:test: each promise as it is shown, and in the end a table of them with what was measured. */
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

interface Row {
  machine: string
  promise: string
  result: 'ok' | 'FAILED'
  seconds: number
  figures: string[]
}

export default async function* table(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const rows: Row[] = []
  for await (const { type, data } of source) {
    // Those of the run as a whole have no file.
    if (type === 'test:diagnostic' && data.file !== undefined) rows.at(-1)?.figures.push(data.message)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const error = type === 'test:fail' ? data.details.error : undefined
    // A machine that could not be booted has failed; one whose promises failed has said so.
    const cause = error?.cause
    if (data.details.type === 'suite' && !(cause instanceof Error)) continue
    const [machine = '', promise = ''] = data.name.split(/: (.*)/s)
    const result = error === undefined ? 'ok' : 'FAILED'
    rows.push({ machine, promise, result, seconds: data.details.duration_ms / 1000, figures: [] })
    const why = error === undefined ? '' : `\n${inspect(error.cause ?? error)}\n`
    yield `${result.padEnd(6)}  ${data.name}\n${why}`
  }
  yield `\n${format(rows)}\n`
}

function format(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ machine }) => machine.length))
  return rows
    .map(({ machine, promise, result, seconds, figures }) => {
      const shown = figures.map((figure) => `\n${' '.repeat(width + 19)}${figure}`).join('')
      return `${machine.padEnd(width)}  ${result.padEnd(6)}  ${seconds.toFixed(1).padStart(6)} s  ${promise}${shown}`
    })
    .join('\n')
}
