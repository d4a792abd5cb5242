import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoff, poll } from '../../src/host/waiting.ts'

const { signal } = new AbortController()

test('a look is made once at least, and again until something is there', async () => {
  let looks = 0
  assert.equal(await poll(() => ++looks > 2 && 'there', { everyMs: 1, signal }), 'there')
  assert.equal(looks, 3)
  assert.equal(await poll(async () => 0, { everyMs: 1, limitMs: 0, signal }), 0)
})

test('when the time is up there is nothing, and what the look throws ends the wait', async () => {
  let looks = 0
  const look = () => {
    looks += 1
    return undefined
  }
  assert.equal(await poll(look, { everyMs: 1, limitMs: 0, signal }), undefined)
  assert.equal(looks, 1)
  assert.equal(await poll(look, { everyMs: 1, limitMs: 5, signal }), undefined)
  assert.ok(looks > 1)
  await assert.rejects(
    poll(() => Promise.reject(new Error('gone')), { signal }),
    /gone/,
  )
})

test('a signal ends the wait with its reason, before the next look', async () => {
  const controller = new AbortController()
  const reason = new Error('interrupted')
  let looks = 0
  const look = () => {
    looks += 1
    controller.abort(reason)
    return false
  }
  await assert.rejects(poll(look, { everyMs: 60_000, signal: controller.signal }), (error) => error === reason)
  assert.equal(looks, 1)
})

test('pauses grow from a quarter of a second to ten seconds, each up to a quarter more or less', (t) => {
  const pauses = [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]
  for (const [chance, factor] of [[0, 0.75] as const, [0.5, 1] as const, [1, 1.25] as const]) {
    t.mock.method(Math, 'random', () => chance)
    const nextPauseMs = backoff()
    assert.deepEqual(
      pauses.map(() => nextPauseMs()),
      pauses.map((pauseMs) => pauseMs * factor),
    )
  }
})
