import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { quoteForShell, setupCommand } from '../../src/text/command-line.ts'

test('a word comes out of a shell as it went in', () => {
  for (const word of ['/mnt/image', '/mnt/my image', "/mnt/it's", '/mnt/$(id)', '/mnt/`id`"', ' ', '~', '#x']) {
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${quoteForShell(word)}`], { encoding: 'utf8' })
    assert.equal(stdout, word)
  }
})

test('a command for a tree names it, and one for the running machine does not', () => {
  assert.equal(setupCommand('/'), 'frameworkd-setup')
  assert.equal(setupCommand('/', 'check'), 'frameworkd-setup check')
  assert.equal(setupCommand('/mnt/image', 'key export'), 'frameworkd-setup key export --root /mnt/image')
  assert.equal(setupCommand('/mnt/my image'), "frameworkd-setup --root '/mnt/my image'")
})
