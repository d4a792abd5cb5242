/** Work that never ends would keep the setup lock, and hear no signal. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const module = new URL('../../../../src/host/processes/rights/watchdog.ts', import.meta.url).href

/** A program that has a limit of a second, in which SIGTERM is ours as in all our programs. */
function runProgram(work: string) {
  const program = `
    import { Watchdog } from '${module}'
    process.on('SIGTERM', () => {})
    const watchdog = new Watchdog({ run: (work) => work() }, 'database /a\\u001b[2Jb', 'look at it', 1)
    ${work}`
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGABRT',
  })
}

test('work that does not end is ended with the process, which says why, without control characters', () => {
  const { signal, stderr } = runProgram('watchdog.run(() => { for (;;); })')
  assert.equal(signal, 'SIGKILL')
  assert.match(stderr, /^database \/a\\u001b\[2Jb: reading it did not end within 1 s.*\nhint: look at it\n$/)
})

test('the limit is that of one piece of work, and what comes between two does not count', () => {
  const { status, stdout, stderr } = runProgram(`
    const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
    for (let count = 0; count < 3; count += 1) {
      if (watchdog.run(() => pause()) !== 'timed-out') throw new Error('the pause has not come out')
      try { watchdog.run(() => { throw new Error('of the work') }) } catch {}
      for (let pauses = 0; pauses < 3; pauses += 1) pause()
    }
    console.log('done')`)
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.equal(stdout, 'done\n')
})

test('the watchdog does not keep the process alive, and prints nothing then', () => {
  const { status, stderr } = runProgram('watchdog.run(() => {})')
  assert.deepEqual([status, stderr], [0, ''])
})
