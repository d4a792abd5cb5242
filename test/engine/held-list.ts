/**
 * A run that goes on with its next task at each SIGUSR2, as the live list shows it. At SIGUSR1 it stands still, makes
 * the file that it was given, and goes on when that is gone.
 */
import { on } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { applyTasks } from '../../src/engine/apply-tasks.ts'
import { reportText } from '../../src/engine/report-text.ts'
import type { Task } from '../../src/engine/task.ts'
import { standardOutput } from '../../src/host/output/output.ts'

const goOn = on(process, 'SIGUSR2')
const summary = 'what was found here is told in a sentence that is longer than a line of the smaller window'
const tasks = ['first', 'second', 'third', 'fourth'].map(
  (name): Task<void> => ({
    name,
    title: `a title of the ${name} that is nearly as long as a line of it`,
    tags: [],
    async plan() {
      await goOn.next()
      return { outcome: 'ok', summary }
    },
  }),
)

const file = process.argv[2] ?? ''
process.on('SIGUSR1', () => {
  writeFileSync(file, '')
  while (existsSync(file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  // It has come meanwhile, and would be told after the next drawing.
  process.emit('SIGWINCH')
})

const looks = { color: true, unicode: true, live: true, diff: false, check: false }
const report = await reportText({ tasks, output: standardOutput, ...looks })
await report.end(
  await applyTasks(tasks, undefined, { selected: () => true, signal: new AbortController().signal }, report.tell),
)
await goOn.return?.()
