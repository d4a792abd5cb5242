// Loaded before each test file (test/run-files.ts). A program that a failed test leaves running would keep its file from
// ending, and the whole run with it: it is ended some time after the last test, and the file has failed. Where the run
// is interrupted, which ends each file by SIGTERM, its programs end with it.
const { subscribe } = require('node:diagnostics_channel')
const { after } = require('node:test')

/** What a file needs for its own cleaning up, on a busy machine. */
const cleaningUpMs = 30_000

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
subscribe('child_process', (message) => {
  const { process: child } = /** @type {{ process: import('node:child_process').ChildProcess }} */ (message)
  running.add(child)
  child.once('exit', () => running.delete(child))
})

after(() => void setTimeout(endLeft, cleaningUpMs).unref())
process.once('SIGTERM', () => {
  for (const child of running) child.kill('SIGKILL')
  process.exit(128 + 15)
})

function endLeft() {
  for (const child of running) {
    console.error(`left running by a test: ${child.spawnargs.join(' ')}`)
    child.kill('SIGKILL')
    process.exitCode = 1
  }
}
