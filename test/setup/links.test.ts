/** Links that administrators make, to have logs and state on another disk. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { test } from 'node:test'

import { serve, stop } from '../support/daemon.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { someOf } from '../support/extent.ts'
import { keyPath, Sandbox } from '../support/sandbox.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const state = '/var/lib/frameworkd'

/** Moves what is at a path to another place, and leaves a link. */
function moveAway(sandbox: Sandbox, path: string, target: string): void {
  mkdirSync(dirname(sandbox.path(target)), { recursive: true })
  mkdirSync(dirname(sandbox.path(path)), { recursive: true })
  if (existsSync(sandbox.path(path))) execFileSync('mv', [sandbox.path(path), sandbox.path(target)])
  else mkdirSync(sandbox.path(target))
  // Relative, so that the test itself finds the same place.
  symlinkSync(relative(dirname(path), target), sandbox.path(path))
}

testOnEachStore(
  "logs and state behind links of root's are used there, and a second run changes nothing",
  async (kind) => {
    await using sandbox = await Sandbox.create(kind)
    moveAway(sandbox, '/var/log/ossim', '/data/log')
    moveAway(sandbox, state, '/data/state')
    const { code, stderr } = await sandbox.setup()
    assert.equal(code, 0, stderr)
    assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
    assert.equal(existsSync(sandbox.path('/data/state/setup/complete')), true)
    assert.match((await sandbox.setup()).stdout, /changed=0/)
  },
)

test("the daemon logs behind a link of root's", async () => {
  await using sandbox = await Sandbox.create('sqlite')
  moveAway(sandbox, '/var/log/ossim', '/data/log')
  assert.equal((await sandbox.setup()).code, 0)
  using daemon = await serve(sandbox)
  assert.match(sandbox.read('/data/log/frameworkd.log'), /Frameworkd is starting up/)
  assert.equal(await stop(daemon.child), 0)
})

for (const link of someOf(['/var/log/ossim', state, `${state}/setup`], 1)) {
  test(`a link ${link} that leads to nothing is told before row and file are changed`, async () => {
    await using sandbox = await Sandbox.create('mysql')
    mkdirSync(dirname(sandbox.path(link)), { recursive: true })
    symlinkSync('/not/mounted', sandbox.path(link))
    const rows = await sandbox.dump()
    for (const args of [['--check'], []]) {
      const { code, stderr } = await sandbox.setup(args)
      assert.ok(code === 4 || code === 1, `${code}: ${stderr}`)
      assert.match(stderr, /leads to nothing.*\n(?:.*\n)*?hint: |cannot be written/)
    }
    assert.equal(existsSync(sandbox.path('/not')), false)
    assert.equal(existsSync(sandbox.path(keyPath)), false)
    assert.equal(await sandbox.dump(), rows)
  })

  test(`a link ${link} that another account made is not followed`, needsRoot, async () => {
    await using sandbox = await Sandbox.create('mysql')
    moveAway(sandbox, link, '/data/theirs')
    execFileSync('chown', ['-h', '4242', sandbox.path(link)])
    const { code, stderr } = await sandbox.setup()
    assert.notEqual(code, 0)
    assert.match(stderr, /another account could have planted/)
    assert.equal(existsSync(sandbox.path(keyPath)), false)
  })
}
