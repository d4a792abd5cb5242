import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { constants } from 'node:fs'
import { isBuiltin } from 'node:module'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTurns } from '../../support/extent.ts'
import { freePort } from '../../support/mariadb.ts'
import { ended, programFile, start } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'

const needsLibrary = { skip: !isBuiltin('node:ffi') && 'this Node cannot call the C library' }

/** The option that has Node run a text before the program; without spaces and single quotes. */
const before = (text: string) => `--import=data:text/javascript;base64,${Buffer.from(text).toString('base64')}`

/** Something that Node would wait for at the end of a process, as it does for the threads that compile. */
const busyThread = before(`import { pbkdf2 } from 'node:crypto'
  pbkdf2('', '', 2 ** 31 - 1, 64, 'sha512', () => {})`)

const ends = [
  ['--version', 0],
  ['no-such-verb', 2],
] as const

for (const [index, program] of (['frameworkd', 'frameworkd-setup'] as const).entries()) {
  for (const [verb, code] of inTurns(ends, index)) {
    test(`${program} ${verb} ends with ${code} while another thread is at work`, needsLibrary, async () => {
      const child = start(program, [verb], { NODE_OPTIONS: busyThread })
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
    const script = `echo | { "$@" --version; sed -n 's/^flags:\t//p' /proc/self/fdinfo/0 /proc/self/fdinfo/2; } 2>&1 | cat`
    const command = [process.execPath, before(text), programFile('frameworkd')]
    const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' })
    const [version, ...flags] = stdout.trim().split('\n')
    assert.match(version ?? '', /^frameworkd /)
    assert.deepEqual(
      flags.map((text) => Number.parseInt(text, 8) & constants.O_NONBLOCK),
      [0, 0],
    )
  })
}

test('a pipe that others share is never non-blocking while a database is asked', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const looks = before(`import { readFileSync, writeSync } from 'node:fs'
    process.on('exit', () => writeSync(1, readFileSync('/proc/self/fdinfo/2')))`)
  const script = '{ "$@" 2>&1 >&3 | cat >&2; } 3>&1'
  const command = [process.execPath, looks, programFile('frameworkd-setup')]
  const closed = ['--db-host', '127.0.0.1', '--db-port', String(await freePort()), '--db-user', 'any']
  const args = ['-c', script, 'sh', ...command, '--non-interactive', '--root', sandbox.root, ...closed]
  const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
  assert.match(stderr, /nothing listens there/)
  assert.equal(Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(stdout)?.[1] ?? '', 8) & constants.O_NONBLOCK, 0)
})

test('a terminal that was left without echo has it again', () => {
  const leavesRaw = before(`process.on('exit', () => process.stdin.setRawMode(true))`)
  const words = [process.execPath, leavesRaw, programFile('frameworkd'), '--version']
  const script = `'${words.join("' '")}'; stty -a`
  const { stdout } = spawnSync('script', ['-qec', script, '/dev/null'], { encoding: 'utf8', input: '' })
  assert.match(stdout, /^frameworkd /)
  assert.match(stdout, /[^-]echo\b/)
  assert.match(stdout, /[^-]icanon\b/)
})
