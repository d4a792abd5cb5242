import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTasks } from '../../src/engine/run-tasks.ts'
import type { Plan, Task } from '../../src/engine/task.ts'

const ok: Plan = { outcome: 'ok', summary: '' }
const silent = { started() {}, finished() {} }

function task(name: string, plan: () => Promise<Plan>): Task<undefined, undefined> {
  return { name, title: name, tags: [], plan }
}

async function look(tasks: readonly Task<undefined, undefined>[]) {
  const { signal } = new AbortController()
  const options = {
    check: true,
    look: { togetherFrom: 'b' },
    signal,
    selected: ({ name }: { name: string }) => name !== 'left out',
  }
  const results = await runTasks(tasks, undefined, undefined, options, silent)
  return results.map(({ name, outcome }) => `${name} ${outcome}`)
}

test('plans are made side by side, after those that come before, and told in their order', async () => {
  const log: string[] = []
  const begin = (name: string) => async () => {
    log.push(`begin ${name}`)
    await new Promise(setImmediate)
    log.push(`end ${name}`)
    return ok
  }
  const names = ['b', 'left out', 'c']
  const tasks = [task('a', begin('a')), ...names.map((name) => task(name, begin(name)))]
  assert.deepEqual(await look(tasks), ['a ok', 'b ok', 'left out skipped', 'c ok'])
  assert.deepEqual(log, ['begin a', 'end a', 'begin b', 'begin c', 'end b', 'end c'])
})

for (const [outcome, end] of Object.entries({
  failed: async () => {
    throw new Error('no')
  },
  pending: async (): Promise<Plan> => ({ outcome: 'change', summary: '', async apply() {} }),
})) {
  test(`the first task that is ${outcome} ends a look, and what comes after it is not reached`, async () => {
    const fail = async () => {
      await new Promise(setImmediate)
      throw new Error('no')
    }
    const tasks = [task('a', async () => ok), task('b', end), task('c', fail)]
    assert.deepEqual(await look(tasks), ['a ok', `b ${outcome}`, 'c skipped'])
  })
}

test('nothing is begun of what comes after a task that ends a look', async () => {
  let begun = false
  const begin = async () => {
    begun = true
    return ok
  }
  const fail = async () => {
    throw new Error('no')
  }
  assert.deepEqual(await look([task('a', fail), task('b', begin)]), ['a failed', 'b skipped'])
  assert.equal(begun, false)
})
