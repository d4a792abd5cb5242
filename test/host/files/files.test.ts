import assert from 'node:assert/strict'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { Files } from '../../../src/host/files/files.ts'
import { keepAside } from '../../../src/host/files/keep-aside.ts'
import { Tree } from '../../../src/host/files/tree.ts'

const path = '/etc/ossim/key'
const attributes = { mode: 0o400 }

function temporaryFiles() {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-files-'))
  chmodSync(root, 0o755)
  return {
    root,
    files: new Files(new Tree(root), false),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  }
}

const modeOf = (file: string) => (lstatSync(file).mode & 0o7777).toString(8)

test('a folder whose making was interrupted is finished, one that somebody made is left as it is', () => {
  using place = temporaryFiles()
  mkdirSync(join(place.root, 'etc'), { mode: 0o700 })
  chmodSync(join(place.root, 'etc'), 0o1700)
  place.files.write(path, Buffer.from('x'), attributes)
  assert.equal(modeOf(join(place.root, 'etc')), '755')
  mkdirSync(join(place.root, 'mine'), { mode: 0o700 })
  place.files.makeFolder('/mine', { mode: 0o755 })
  assert.equal(modeOf(join(place.root, 'mine')), '700')
})

test('a file that somebody changed after the look is left as it is, and nothing is left beside it', () => {
  using place = temporaryFiles()
  place.files.write(path, Buffer.from('seen'), attributes)
  const seen = place.files.read(path)
  place.files.write(path, Buffer.from('theirs'), attributes)
  const isBusy = (error: unknown) => error instanceof KnownError && error.code === 'busy'
  assert.throws(() => place.files.replace(path, seen, Buffer.from('ours'), attributes), isBusy)
  assert.throws(() => place.files.replace(path, undefined, Buffer.from('ours'), attributes), isBusy)
  assert.equal(readFileSync(join(place.root, path), 'utf8'), 'theirs')
  assert.deepEqual(readdirSync(join(place.root, 'etc/ossim')), ['key'])
})

test('what is kept aside is a copy of its own: the file in use keeps its mode', () => {
  using place = temporaryFiles()
  place.files.write(path, Buffer.from('given up'), { mode: 0o440 })
  const bytes = place.files.read(path)?.bytes ?? Buffer.alloc(0)
  for (let run = 0; run < 2; run += 1) keepAside(place.files, path, 'replaced', bytes, attributes, new Date())
  assert.equal(modeOf(join(place.root, path)), '440')
  const [kept, ...others] = readdirSync(join(place.root, 'etc/ossim')).filter((name) =>
    name.startsWith('key.replaced-'),
  )
  assert.deepEqual(others, [])
  assert.equal(modeOf(join(place.root, 'etc/ossim', kept ?? '')), '400')
  assert.equal(lstatSync(join(place.root, path)).nlink, 1)
})

test('what a crash left of keeping something aside is gone after the next write, whenever that is', () => {
  using place = temporaryFiles()
  place.files.write(path, Buffer.from('old'), attributes)
  writeFileSync(join(place.root, 'etc/ossim/.key.frameworkd-new'), 'half')
  assert.notEqual(place.files.plan(path, 'old', attributes), null)
  place.files.plan(path, 'old', attributes)?.apply()
  assert.deepEqual(readdirSync(join(place.root, 'etc/ossim')), ['key'])
})

test('removing a file removes what a crash left of its making', () => {
  using place = temporaryFiles()
  place.files.write(path, Buffer.from('old'), attributes)
  writeFileSync(join(place.root, 'etc/ossim/.key.frameworkd-new'), 'half')
  place.files.remove(path)
  assert.deepEqual(readdirSync(join(place.root, 'etc/ossim')), [])
})
