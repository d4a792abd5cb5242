import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { keyPath, Sandbox } from '../support/sandbox.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'mounting needs root' }

/** /etc of a root as a file system of its own. */
class Mount implements Disposable {
  readonly #path: string

  constructor(sandbox: Sandbox) {
    this.#path = sandbox.path('/etc')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', this.#path])
    sandbox.write('/etc/passwd', `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
  }

  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.#path])
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.#path])
  }
}

test('a fresh machine whose /etc is read-only ends with 4, by name, before anything is made', needsRoot, async () => {
  await using sandbox = await Sandbox.create('mysql')
  using etc = new Mount(sandbox)
  etc.makeReadOnly()
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 4, stderr)
  assert.match(stderr, /writable: \/etc.* cannot be written: the file system is read-only\nhint: /)
  assert.equal(await sandbox.keyInRow(), undefined)
  assert.equal(existsSync(sandbox.path('/var')), false)
})

test('a converged machine works on a read-only /etc, and changes nothing', needsRoot, async () => {
  await using sandbox = await Sandbox.create('mysql')
  using etc = new Mount(sandbox)
  assert.equal((await sandbox.setup()).code, 0)
  etc.makeReadOnly()
  const { code, stdout, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  assert.match(stdout, /changed=0/)
})

test(
  'a full disk ends with 1 and says so; the key is in the row, and the next run goes on from there',
  needsRoot,
  async () => {
    await using sandbox = await Sandbox.create('mysql')
    using _etc = new Mount(sandbox)
    assert.equal((await sandbox.setup(['--tags', 'settings'])).code, 0)
    execFileSync('sh', ['-c', 'cat /dev/zero > "$1" 2>/dev/null || true', 'sh', sandbox.path('/etc/ballast')])
    const full = await sandbox.setup()
    assert.equal(full.code, 1, full.stderr)
    assert.match(full.stderr, /db_encryption_key cannot be written: the disk is full\nhint: make room, then run again/)
    const key = await sandbox.keyInRow()
    assert.match(key ?? '', /^[0-9A-F-]{36}$/)
    execFileSync('rm', [sandbox.path('/etc/ballast')])
    assert.equal((await sandbox.setup()).code, 0)
    assert.equal(sandbox.keyInFile(), key)
    assert.equal(existsSync(sandbox.path('/etc/ossim/framework/.db_encryption_key.frameworkd-new')), false)
    assert.ok(existsSync(sandbox.path(keyPath)))
  },
)
