/** Runs test files in the order in which they are given; `node --test` sorts them by name. Its argument is a FileRun, as JSON. */
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

export interface FileRun {
  files: readonly string[]
  /** How many files at once. */
  concurrency: number
  /** After these milliseconds a test has failed, by its name. */
  timeout: number
  /** Only tests whose names match one of them. */
  testNamePatterns?: readonly string[]
}

const order: FileRun = JSON.parse(process.argv[2] ?? '')
const interrupted = new AbortController()
// The files that run are ended, and told as cancelled.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
run({
  ...order,
  signal: interrupted.signal,
  execArgv: ['ready-modules', 'left-running'].map((name) => `--require=./test/support/${name}.cjs`),
})
  .on('test:fail', ({ todo }) => {
    if (todo === undefined) process.exitCode = 1
  })
  .compose(spec)
  .pipe(process.stdout)
