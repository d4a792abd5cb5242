/** A command of ours that people are told to type acts on the tree that was worked on: one place knows how. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { program as setup } from '../../src/cli/setup/main.ts'

/** Where the examples of `--help` stand, which are of a machine itself, and that one place. */
const mayName = ['src/cli/setup/main.ts', 'src/cli/daemon/main.ts', 'src/text/command-line.ts']

/** A program with a verb or an option behind it, or alone as the thing to run. */
const command = [daemon, setup].map(({ name, verbs }) => {
  const first = [...new Set(Object.keys(verbs).map((verb) => verb.split(' ')[0])), '--[a-z-]+'].join('|')
  return `(?<![\\w./-])${name}(?= (?:${first})(?![\\w-]))|(?:run|again|with|use|try):? ${name}(?![\\w-])(?! is)`
})
const spelt = new RegExp(`['"\`](?:[^'"\`\\n]*?)(?:${command.join('|')})`)

function commandsIn(source: string): string[] {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|import\b)/.test(line) && spelt.test(line))
}

test('no command of ours is spelt out in a message: setupCommand and daemonCommand name the tree', () => {
  for (const path of globSync('src/**/*.ts')) {
    if (mayName.includes(path)) continue
    assert.deepEqual(commandsIn(readFileSync(path, 'utf8')), [], path)
  }
  assert.equal(commandsIn(`  const hint = 'create it: frameworkd-setup --create-schema'\n`).length, 1)
  assert.equal(commandsIn(`  const hint = 'wait, then run frameworkd-setup again'\n`).length, 1)
  assert.equal(commandsIn('  const hint = `start it: frameworkd start`\n').length, 1)
  assert.equal(commandsIn(`  const message = 'another run of frameworkd-setup is at work here'\n`).length, 0)
})
