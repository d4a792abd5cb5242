/** What the files for containers say to our programs, our programs understand. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { readInvocation } from '../../src/cli/dispatch.ts'
import { program as setup } from '../../src/cli/setup/main.ts'

const read = (name: string) => readFileSync(new URL(`../../packaging/container/${name}`, import.meta.url), 'utf8')
const wordsIn = (list: string) => [...list.matchAll(/[^\s,"[\]]+/g)].map(([word]) => word)

const orders = {
  'compose.yml': /^ +command: >-\n((?: {6}.*\n)+)/m,
  'kubernetes.yml': /^ +args:\n((?: +- --.*\n)+)/m,
} as const

for (const [name, form] of Object.entries(orders)) {
  test(`${name}: the words for frameworkd-setup are its options`, async () => {
    const list = form.exec(read(name))?.[1] ?? ''
    // A list with commas of hosts is one word there.
    const words =
      name === 'compose.yml' ? list.split(/\s+/) : list.split('\n').map((line) => line.trim().replace(/^- /, ''))
    const invocation = await readInvocation(
      setup,
      words.filter((word) => word !== ''),
    )
    assert.ok('run' in invocation)
    assert.ok(words.includes('--non-interactive'))
  })
}

test('what the daemon is started and asked with are its verbs and options', async () => {
  const container = read('Containerfile')
  const [, command = '', health = ''] = /^CMD (\[.*\])\nHEALTHCHECK .* CMD (\[.*\])$/m.exec(container) ?? []
  const kubernetes = read('kubernetes.yml')
  const lists = [
    command,
    health,
    ...[...kubernetes.matchAll(/(?:args|command): (\[(?:run|\/usr\/sbin\/frameworkd,).*\])/g)].map(
      ([, list = '']) => list,
    ),
  ]
  assert.ok(lists.length >= 5, lists.join('\n'))
  for (const list of lists) {
    const words = wordsIn(list).filter((word) => word !== '/usr/sbin/frameworkd')
    assert.ok('run' in (await readInvocation(daemon, words)), list)
  }
})
