import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ended } from '../../support/programs.ts'

const output = fileURLToPath(new URL('../../../src/host/output/output.ts', import.meta.url))

/** Writes numbered lines, each on its own, and tells on standard error how it ended. */
const lines = 40_000
const program = `
  import { standardOutput } from '${output}'
  for (let line = 0; line < ${lines}; line += 1) standardOutput.write(line + '\\n')
  const lost = await standardOutput.settle()
  console.error(lost ? lost.code : 'all taken')`

test('a reader that is slow gets everything, in order', async () => {
  const pipeline = 'set -o pipefail; "$0" --input-type=module --eval "$1" | { sleep 0.3; cat; }'
  const { code, stdout, stderr } = await ended(spawn('bash', ['-c', pipeline, process.execPath, program]))
  assert.deepEqual([code, stderr], [0, 'all taken\n'])
  const wanted = Array.from({ length: lines }, (_, line) => `${line}\n`).join('')
  assert.ok(stdout === wanted, `${stdout.length} of ${wanted.length} characters`)
})

/** What standard output is, and a command that runs the program with it and hands on what was written. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  'a socket': [],
  'a FIFO': ['bash', '-c', 'set -o pipefail; "$@" | { sleep 0.2; cat; }', 'bash'],
  'a file': ['bash', '-c', 'file=$(mktemp); trap "rm $file" EXIT; "$@" >"$file" && cat "$file"', 'bash'],
}

for (const [what, surroundings] of Object.entries(kinds)) {
  test(`a text that is larger than any buffer arrives whole where standard output is ${what}`, async () => {
    const write = `
      import { standardOutput } from '${output}'
      standardOutput.write('0123456789abcde\\n'.repeat(100_000))
      const lost = await standardOutput.settle()
      console.error(lost ? lost.code : 'all taken')`
    const [file = '', ...args] = [...surroundings, process.execPath, '--input-type=module', '--eval', write]
    const { code, stdout, stderr } = await ended(spawn(file, args))
    assert.deepEqual([code, stderr], [0, 'all taken\n'])
    assert.ok(stdout === '0123456789abcde\n'.repeat(100_000), `${stdout.length} characters`)
  })
}
