import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProgramName } from '../../src/product/own-program.ts'
import { run } from '../support/programs.ts'

const mistakes: [program: ProgramName, args: string[], says: string][] = [
  ['frameworkd', ['start', '--pidfile', '--json'], '--pidfile needs a value: --pidfile=FILE'],
  ['frameworkd', ['start', '--timeout', '-1'], '--timeout needs a value: --timeout=SECONDS'],
  ['frameworkd', ['run', '-p', '-l'], '--port needs a value: --port=PORT'],
  ['frameworkd', ['run', '-p'], '--port needs a value: --port=PORT'],
  ['frameworkd', ['status', '--json=1'], '--json takes no value'],
  ['frameworkd', ['run', '--constructor'], "unknown option '--constructor'"],
  ['frameworkd', ['run', '--prot', '1'], "unknown option '--prot'; did you mean --port?"],
  ['frameworkd-setup', ['--owner', '--check'], '--owner needs a value: --owner=USER[:GROUP]'],
]

for (const [program, args, says] of mistakes) {
  test(`${program} ${args.join(' ')} ends with 2 and says what is wrong in one line`, async () => {
    const { code, stderr } = await run(program, args)
    assert.equal(code, 2)
    assert.equal(stderr, `${program}: ${says}\nhint: see --help\n`)
  })
}
