import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { Files } from '../../../src/host/files/files.ts'
import { Tree } from '../../../src/host/files/tree.ts'
import { rightsOf } from '../../../src/host/processes/rights.ts'
import { notRoot } from '../../support/services.ts'

function place() {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-tree-'))
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/b/file'), 'first')
  const tree = new Tree(root)
  const files = new Files(tree, false)
  const read = () => files.read('/a/b/file')?.bytes.toString()
  return { root, tree, read, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

const descriptors = () => readdirSync('/proc/self/fd').length

test('folders that are kept open are walked to once, and closed in the end', () => {
  using here = place()
  const before = descriptors()
  {
    using _kept = here.tree.keepFolders()
    assert.equal(here.read(), 'first')
    const kept = descriptors()
    assert.equal(kept, before + 3)
    assert.equal(here.read(), 'first')
    assert.equal(descriptors(), kept)
  }
  assert.equal(descriptors(), before)
})

test('a folder that is exchanged is seen as it was while folders are kept, and anew afterwards', () => {
  using here = place()
  {
    using _kept = here.tree.keepFolders()
    assert.equal(here.read(), 'first')
    renameSync(join(here.root, 'a'), join(here.root, 'old'))
    mkdirSync(join(here.root, 'a/b'), { recursive: true })
    writeFileSync(join(here.root, 'a/b/file'), 'second')
    assert.equal(here.read(), 'first')
  }
  assert.equal(here.read(), 'second')
})

test('an account does not get through a folder because another was kept in it', { skip: notRoot }, () => {
  using here = place()
  chmodSync(join(here.root, 'a'), 0o700)
  using _kept = here.tree.keepFolders()
  assert.equal(here.read(), 'first')
  const isRefused = (error: unknown) => error instanceof KnownError && error.code === 'task-failed'
  rightsOf({ uid: 33, gid: 33 }).run(() => assert.throws(() => here.read(), isRefused))
  assert.equal(here.read(), 'first')
})
