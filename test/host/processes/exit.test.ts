import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { constants } from 'node:fs'
import { isBuiltin } from 'node:module'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ended, programFile, start } from '../../support/programs.ts'

const needsLibrary = { skip: !isBuiltin('node:ffi') && 'this Node cannot call the C library' }

/** Preloaded: something that Node would wait for at the end of a process, as it does for the threads that compile. */
const busyThread = `data:text/javascript,${encodeURIComponent(`
  import { pbkdf2 } from 'node:crypto'
  pbkdf2('', '', 2 ** 31 - 1, 64, 'sha512', () => {})`)}`

for (const program of ['frameworkd', 'frameworkd-setup'] as const) {
  for (const [verb, code] of [
    ['--version', 0],
    ['no-such-verb', 2],
  ] as const) {
    test(`${program} ${verb} ends with ${code}, whatever its other threads are at`, needsLibrary, async () => {
      const child = start(program, [verb], { NODE_OPTIONS: `--import=${busyThread}` })
      const end = ended(child)
      const late = new AbortController()
      void sleep(60_000, undefined, { signal: late.signal })
        .then(() => child.kill('SIGKILL'))
        .catch(() => {})
      assert.equal((await end).code, code)
      late.abort()
    })
  }
}

const opensStreams = `process.stdin;process.stderr.write('')`
for (const [when, text] of [
  ['before our code', opensStreams],
  ['at its end', `process.on('exit',()=>{${opensStreams}})`],
] as const) {
  test(`a pipe that Node made non-blocking ${when} is blocking again for those who share it`, () => {
    const opens = `data:text/javascript,${text}`
    const script = `echo | { "$@" --version; sed -n 's/^flags:\t//p' /proc/self/fdinfo/0 /proc/self/fdinfo/2; } 2>&1 | cat`
    const command = [process.execPath, `--import=${opens}`, programFile('frameworkd')]
    const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' })
    const [version, ...flags] = stdout.trim().split('\n')
    assert.match(version ?? '', /^frameworkd /)
    assert.deepEqual(
      flags.map((text) => Number.parseInt(text, 8) & constants.O_NONBLOCK),
      [0, 0],
    )
  })
}
