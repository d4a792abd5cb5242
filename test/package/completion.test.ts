import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { bashCompletion, programs } from '../../scripts/package/completion.ts'
import { isOptionOf } from '../../src/cli/option.ts'

for (const program of programs) {
  const { name, verbs, options } = program

  /** What bash offers after these words, the last of which is being typed. */
  const offered = (...words: string[]): string[] => {
    const complete = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${name.replaceAll('-', '_')}; echo "\${COMPREPLY[*]}"`
    const script = `${bashCompletion(program)}\n${complete}`
    return execFileSync('bash', ['-c', script, 'bash', name, ...words], { encoding: 'utf8' })
      .trim()
      .split(' ')
  }

  test(`${name}: bash offers each verb word by word, and the options of the verb that stands there`, () => {
    for (const verb of verbs) {
      const [first = '', second] = verb.split(' ')
      assert.ok(offered('').includes(first), verb)
      if (second !== undefined) assert.ok(offered(first, '').includes(second), verb)
      const own = Object.entries(options).filter(([, option]) => isOptionOf(verb, option))
      const wanted = own.map(([flag]) => `--${flag}`)
      assert.deepEqual(offered(...verb.split(' '), '--'), wanted, verb)
      assert.deepEqual(offered('--root', '/any', ...verb.split(' '), '--'), wanted, `${verb}, after an option`)
    }
  })
}
