/** The order of restarts. What restarts here is a stand-in that counts; systemd has its own tests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyTasks } from '../../src/engine/apply-tasks.ts'
import { planTasks } from '../../src/engine/plan-tasks.ts'
import type { Restarts } from '../../src/engine/restarts.ts'
import type { Task } from '../../src/engine/task.ts'

test('two changes of one service restart it once, when all tasks have ended', async () => {
  const { log, restarts } = standIn()
  const results = await run([changing('a', log), changing('b', log)], restarts)
  assert.deepEqual(log, ['due web', 'apply a', 'due web', 'apply b', 'restart web', 'settle web'])
  assert.deepEqual(
    results.map(({ name, outcome }) => `${name} ${outcome}`),
    ['a changed', 'b changed', 'restart-web changed'],
  )
})

test('a run that fails restarts nothing and leaves it due; the next one restarts, though nothing changes', async () => {
  const { log, due, restarts } = standIn()
  await run([changing('a', log), failing], restarts)
  assert.deepEqual([...due], ['web'])
  assert.ok(!log.includes('restart web'))
  const results = await run([], restarts)
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['changed'],
  )
  assert.deepEqual([...due], [])
  assert.deepEqual(await run([], restarts), [])
})

test('check mode says what would be restarted and remembers nothing', async () => {
  const { log, due, restarts } = standIn()
  const results = await run([changing('a', log)], restarts, true)
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['pending', 'pending'],
  )
  assert.deepEqual([log, [...due]], [[], []])
})

test('what does not run is not restarted, and no longer due', async () => {
  const { log, due, restarts } = standIn({ running: false })
  const results = await run([changing('a', log)], restarts)
  assert.equal(results.length, 1)
  assert.ok(!log.includes('restart web'))
  assert.deepEqual([...due], [])
})

test('a restart that fails is a failed result, and still due', async () => {
  const { log, due, restarts } = standIn({ breaks: true })
  const results = await run([changing('a', log)], restarts)
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['changed', 'failed'],
  )
  assert.deepEqual([...due], ['web'])
})

type TestTask = Task<undefined>

function run(tasks: readonly TestTask[], restarts: Restarts, check = false) {
  const options = { selected: () => true, signal: new AbortController().signal, restarts }
  return (check ? planTasks : applyTasks)(tasks, undefined, options, () => {})
}

/** A task that has something to do, once. */
function changing(name: string, log: string[]): TestTask {
  let done = false
  return {
    name,
    title: name,
    tags: [],
    async plan() {
      if (done) return { outcome: 'ok', summary: '' }
      const apply = async () => {
        done = true
        log.push(`apply ${name}`)
      }
      return { outcome: 'change', summary: '', restarts: 'web', apply }
    },
  }
}

const failing: TestTask = {
  name: 'failing',
  title: '',
  tags: [],
  async plan() {
    throw new Error('it fails')
  },
}

function standIn({ running = true, breaks = false } = {}) {
  const log: string[] = []
  const due = new Set<string>()
  const restarts: Restarts = {
    require(service) {
      due.add(service)
      log.push(`due ${service}`)
    },
    due: () => [...due],
    isRunning: async () => running,
    async restart(service) {
      if (breaks) throw new Error('it does not start')
      log.push(`restart ${service}`)
      return []
    },
    settle(service) {
      due.delete(service)
      log.push(`settle ${service}`)
    },
  }
  return { log, due, restarts }
}
