/** What check mode and a run have in common, and what only a run does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyTasks } from '../../src/engine/apply-tasks.ts'
import { planTasks, type TaskOptions } from '../../src/engine/plan-tasks.ts'
import type { Plan, Task, TaskResult } from '../../src/engine/task.ts'
import { KnownError } from '../../src/errors.ts'

/** Written by the tasks of one test, in order. */
type Log = string[]
type TestTask = Task<Log>

function task(name: string, plan: TestTask['plan']): TestTask {
  return { name, title: name, tags: [], plan }
}

/** Has something to do until it was applied. */
function changing(name: string): TestTask {
  let isDone = false
  return task(name, async (log) => {
    log.push(`plan ${name}`)
    if (isDone) return { outcome: 'ok', summary: 'done', facts: { [name]: true } }
    return {
      outcome: 'change',
      summary: `do ${name}`,
      async apply() {
        log.push(`apply ${name}`)
        isDone = true
      },
    }
  })
}

const settled = (name: string, plan: Plan = { outcome: 'ok', summary: '' }) => task(name, async () => plan)

const failing = (name: string) =>
  task(name, async () => {
    throw new KnownError('task-failed', 'no', '')
  })

async function go(
  verb: typeof planTasks | typeof applyTasks,
  tasks: readonly TestTask[],
  options: Partial<TaskOptions> = {},
) {
  const log: Log = []
  const told: TaskResult[] = []
  const signal = new AbortController().signal
  const results = await verb(tasks, log, { selected: () => true, signal, ...options }, (result) => told.push(result))
  const outcomes = (list: readonly TaskResult[]) => list.map(({ name, outcome }) => `${name} ${outcome}`)
  assert.deepEqual(outcomes(told), outcomes(results), 'each result is told, in order')
  return { log, results, outcomes: outcomes(results) }
}

test('a plan is made of all tasks, and nothing is applied', async () => {
  const { log, results, outcomes } = await go(planTasks, [changing('a'), settled('b'), changing('c')])
  assert.deepEqual(outcomes, ['a pending', 'b ok', 'c pending'])
  assert.deepEqual(log, ['plan a', 'plan c'])
  assert.deepEqual(
    results.map(({ summary }) => summary),
    ['do a', '', 'do c'],
  )
})

test('a run plans a task when those before it were applied, and plans it again afterwards', async () => {
  const { log, results, outcomes } = await go(applyTasks, [changing('a'), settled('b'), changing('c')])
  assert.deepEqual(outcomes, ['a changed', 'b ok', 'c changed'])
  assert.deepEqual(log, ['plan a', 'apply a', 'plan a', 'plan c', 'apply c', 'plan c'])
  assert.deepEqual([results[0]?.summary, results[0]?.facts], ['do a', { a: true }])
})

test('a task that still plans a change after it was applied has failed, and ends the run', async () => {
  const restless = settled('a', { outcome: 'change', summary: 'do a', async apply() {} })
  const { results, outcomes } = await go(applyTasks, [restless, changing('b')])
  assert.deepEqual(outcomes, ['a failed', 'b skipped'])
  assert.match(String(results[0]?.error), /still not as it should be after the change: do a/)
})

for (const verb of [planTasks, applyTasks]) {
  test(`${verb.name}: the first failure ends it, and what comes after is not reached`, async () => {
    const { log, results, outcomes } = await go(verb, [settled('a'), failing('b'), changing('c')])
    assert.deepEqual(outcomes, ['a ok', 'b failed', 'c skipped'])
    assert.equal(results[2]?.summary, 'not reached')
    assert.deepEqual(log, [])
  })

  test(`${verb.name}: what is deferred, not selected or left out is a result of its own`, async () => {
    const tasks = [settled('a', { outcome: 'deferred', summary: 'later' }), changing('b'), changing('c'), settled('d')]
    const selected = ({ name }: { name: string }) => name !== 'b'
    const asked: string[] = []
    const confirm = async ({ name }: { name: string }) => {
      asked.push(name)
      return name !== 'c'
    }
    const { log, results, outcomes } = await go(verb, tasks, { selected, confirm })
    assert.deepEqual(outcomes, ['a deferred', 'b skipped', 'c skipped', 'd ok'])
    assert.deepEqual([results[1]?.summary, results[2]?.summary], ['not selected', 'left out'])
    assert.deepEqual([asked, log], [['a', 'c', 'd'], []])
  })

  test(`${verb.name}: a signal ends it before the next task, and after a plan before its change`, async () => {
    const stop = new AbortController()
    const interrupting = task('a', async (log) => {
      stop.abort(new KnownError('interrupted', 'interrupted', ''))
      return { outcome: 'change', summary: '', apply: async () => void log.push('apply a') }
    })
    const { log, results, outcomes } = await go(verb, [interrupting, changing('b')], { signal: stop.signal })
    assert.deepEqual(outcomes, ['a failed', 'b skipped'])
    assert.equal(results[0]?.error, stop.signal.reason)
    assert.deepEqual(log, [])
  })
}

test('what fails while it is applied ends the run, and what was applied before it stays', async () => {
  const broken = settled('b', {
    outcome: 'change',
    summary: '',
    async apply() {
      throw new KnownError('task-failed', 'no', '')
    },
  })
  const { log, outcomes } = await go(applyTasks, [changing('a'), broken, changing('c')])
  assert.deepEqual(outcomes, ['a changed', 'b failed', 'c skipped'])
  assert.deepEqual(log, ['plan a', 'apply a', 'plan a'])
})
