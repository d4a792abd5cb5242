import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempDisposableSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { Files } from '../../../src/host/files/files.ts'
import { holdSocket } from '../../../src/host/files/socket-file.ts'
import { Tree } from '../../../src/host/files/tree.ts'
import { acquireLock } from '../../../src/host/processes/locks/lock.ts'
import { rightsOf } from '../../../src/host/processes/rights/rights.ts'
import { notRoot } from '../../support/services.ts'

function place() {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-tree-'))
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/b/file'), 'first')
  const files = new Files(new Tree(root), false)
  const read = () => files.read('/a/b/file')?.bytes.toString()
  return { root, files, read, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

const descriptors = () => readdirSync('/proc/self/fd').length

test('every folder that was walked through is closed again, whether or not the walk gets to its end', () => {
  using here = place()
  const before = descriptors()
  assert.equal(here.read(), 'first')
  symlinkSync('/a/../a/b', join(here.root, 'link'))
  assert.equal(here.files.read('/link/../b/file')?.bytes.toString(), 'first')
  assert.equal(here.files.read('/a/missing/file'), undefined)
  assert.throws(() => here.files.read('/a/b/file/inside'), KnownError)
  assert.equal(descriptors(), before)
})

test('a folder that is exchanged is seen anew by the next walk', () => {
  using here = place()
  assert.equal(here.read(), 'first')
  renameSync(join(here.root, 'a'), join(here.root, 'old'))
  mkdirSync(join(here.root, 'a/b'), { recursive: true })
  writeFileSync(join(here.root, 'a/b/file'), 'second')
  assert.equal(here.read(), 'second')
})

test('an account does not get through a folder that another has just walked through', { skip: notRoot }, () => {
  using here = place()
  chmodSync(join(here.root, 'a'), 0o700)
  assert.equal(here.read(), 'first')
  const isRefused = (error: unknown) => error instanceof KnownError && error.code === 'task-failed'
  rightsOf({ uid: 33, gid: 33 }).run(() => assert.throws(() => here.read(), isRefused))
  assert.equal(here.read(), 'first')
})

test('a command in a hint names the place as the machine that runs us does, quoted', () => {
  using parent = mkdtempDisposableSync(join(tmpdir(), 'frameworkd tree-'))
  const files = new Files(new Tree(parent.path), false)
  const hintOf = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      return error instanceof KnownError ? error.hint : String(error)
    }
    return 'nothing was refused'
  }
  mkdirSync(join(parent.path, 'folder'))
  writeFileSync(join(parent.path, 'file'), '')
  symlinkSync('/nowhere', join(parent.path, 'link'))
  const tooLong = `/folder/${'x'.repeat(300)}`
  const hints: [path: string, hint: string | undefined][] = [
    ['/folder', hintOf(() => files.read('/folder'))],
    ['/link', hintOf(() => files.write('/link', Buffer.from(''), { mode: 0o600 }))],
    ['/file/inside', hintOf(() => files.stat('/file/inside'))],
    ['/file', hintOf(() => files.folder('/file'))],
    ['/folder', hintOf(() => holdSocket(files.tree, '/folder'))],
    ['/link', hintOf(() => acquireLock(files.tree, '/link'))],
    [tooLong, hintOf(() => files.stat(tooLong))],
    [tooLong, hintOf(() => files.write(tooLong, Buffer.from(''), { mode: 0o600 }))],
    [tooLong, hintOf(() => acquireLock(files.tree, tooLong))],
  ]
  for (const [path, hint] of hints)
    assert.ok(
      /: (namei -l|ls -ld) '/.test(hint ?? '') && hint?.includes(` '${parent.path}${path}'`),
      `${path}: ${hint}`,
    )
})
