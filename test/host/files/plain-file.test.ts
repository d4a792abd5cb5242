/** What seems to be a plain file and is the kernel's own is refused before it is opened. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KnownError } from '../../../src/errors.ts'
import { Files } from '../../../src/host/files/files.ts'
import { Tree } from '../../../src/host/files/tree.ts'
import { programFile } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const files = new Files(new Tree('/'), false)

const ofKernel = [
  '/proc/self/mem',
  '/proc/kmsg',
  '/proc/sys/kernel/hostname',
  '/sys/kernel/uevent_seqnum',
  '/proc/self/cmdline',
]

test("a file of the kernel's own is not read, whoever names it, and a plain one is", () => {
  for (const path of ofKernel) {
    const isRefused = (error: unknown) =>
      error instanceof KnownError && error.code === 'refused-path' && /is one of the kernel's own/.test(error.message)
    assert.throws(() => files.read(path), isRefused, path)
  }
  const own = fileURLToPath(import.meta.url)
  assert.deepEqual(files.read(own)?.bytes, readFileSync(own))
})

test(
  "a settings file or a CA that is one of the kernel's own is an error with a hint, and is not opened",
  needsRoot,
  async () => {
    await using sandbox = await Sandbox.create('sqlite', { table: false })
    mkdirSync(sandbox.path('/proc'))
    const program = programFile('frameworkd-setup')
    for (const args of [
      ['--config', '/proc/self/mem', '--store', 'sqlite'],
      ['--store', 'mysql', '--db-user', 'u', '--db-ssl-mode', 'verify-ca', '--db-ssl-ca', '/proc/kmsg'],
    ]) {
      const setup = [process.execPath, program, 'check', '--non-interactive', '--root', sandbox.root, ...args]
      const mounted = `mount --bind /proc ${sandbox.path('/proc')} && exec strace -f -y -e trace=open,openat "$@"`
      const { status, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', mounted, 'sh', ...setup], { encoding: 'utf8' })
      assert.equal(status, 1, stderr)
      assert.match(stderr, /^frameworkd-setup: \/proc\/\S+ is one of the kernel's own\nhint: /m)
      const opened = stderr.split('\n').filter((line) => /<\/\S*\/(mem|kmsg)>$/.test(line))
      assert.notEqual(opened.length, 0)
      for (const line of opened) assert.match(line, /O_PATH/)
    }
  },
)
