import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bashCompletion, fishCompletion, programs } from '../../scripts/package/completion.ts'
import { isOptionOf } from '../../src/cli/option.ts'

const noFish = { skip: spawnSync('fish', ['--version']).error !== undefined && 'fish is not installed' }

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

  test(`${name}: fish offers each verb word by word, and the options of the verb that stands there`, noFish, () => {
    const folder = mkdtempSync(join(tmpdir(), 'frameworkd-fish-'))
    try {
      writeFileSync(`${folder}/completion.fish`, fishCompletion(program))
      const lines = verbs.map((verb) => `complete -C '${name} ${verb} --' | string replace -r '\\t.*' ''; echo .`)
      const script = `source ${folder}/completion.fish; complete -C '${name} ' | string replace -r '\\t.*' ''; echo .; ${lines.join('; ')}`
      const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
      const shown = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8', env })
      const [words = '', ...flags] = shown.split('.\n')
      for (const verb of verbs) assert.ok(words.split('\n').includes(verb.split(' ', 1).join()), verb)
      for (const [index, verb] of verbs.entries()) {
        const own = Object.entries(options).filter(([, option]) => isOptionOf(verb, option))
        assert.deepEqual((flags[index] ?? '').trim().split('\n').sort(), own.map(([flag]) => `--${flag}`).sort(), verb)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}
