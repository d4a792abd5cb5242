/** What the suites tell of themselves, for the one table of `npm run test:faults`. */
import { appendFileSync } from 'node:fs'
import { after, afterEach } from 'node:test'

/** A line of the table. */
export interface TallyLine {
  suite: string
  tried: string
  times: number
  /** Tests of the suite that failed: each of them watches that nothing is lost. */
  lost: number
}

/** Counts what a suite tries. */
export interface Tally {
  add(tried: string, times: number): void
}

/** Begins the table's lines of one suite, and writes them when its last test has ended. */
export function startTally(suite: string): Tally {
  const counts = new Map<string, number>()
  const failed = 'tests that failed'
  afterEach((context) => {
    if ('passed' in context && !context.passed) counts.set(failed, (counts.get(failed) ?? 0) + 1)
  })
  after(() => {
    const file = process.env.FAULTS_TALLY
    if (!file) return
    for (const [tried, times] of counts) {
      const line: TallyLine = { suite, tried, times, lost: tried === failed ? times : 0 }
      appendFileSync(file, `${JSON.stringify(line)}\n`)
    }
  })
  return { add: (tried, times) => void counts.set(tried, (counts.get(tried) ?? 0) + times) }
}
