/** A settings file that is there stays whose it is: OSSIM gives its own to the service's account at each reconfiguration. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { leftOut } from '../support/extent.ts'
import { ended, programFile } from '../support/programs.ts'
import { Sandbox } from '../support/sandbox.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const confPath = '/etc/ossim/framework/ossim.conf'
const [owner, group] = [4242, 4243]

/** A list of one more reader, as acl(5) keeps it in system.posix_acl_access. */
const setAttributes = `
import os, struct, sys
acl = struct.pack('<I', 2)
for tag, permissions, who in [(1, 6, -1), (2, 4, 4244), (4, 4, -1), (16, 4, -1), (32, 0, -1)]:
    acl += struct.pack('<HHi', tag, permissions, who)
os.setxattr(sys.argv[1], 'system.posix_acl_access', acl)
os.setxattr(sys.argv[1], 'user.origin', b'reconfig')`
const getAttributes = `
import os, sys
print({name: os.getxattr(sys.argv[1], name) for name in sorted(os.listxattr(sys.argv[1]))})`
const attributesOf = (path: string) => execFileSync('python3', ['-c', getAttributes, path], { encoding: 'utf8' })

test("an ossim.conf of the service's account is rewritten, and keeps owner, group, mode, list and attributes", {
  skip: leftOut || needsRoot.skip,
}, async (t) => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/etc/passwd', `www-data:x:${owner}:${group}:::\n`)
  sandbox.write(confPath, 'ossim_host=elsewhere\nother=1\n')
  const at = sandbox.path(confPath)
  chmodSync(dirname(at), 0o775)
  for (const path of [dirname(at), at]) chownSync(path, owner, group)
  chmodSync(at, 0o660)
  if (spawnSync('python3', ['-c', setAttributes, at]).status !== 0) return t.skip('no attributes on this file system')
  const [attributes, before] = [attributesOf(at), statSync(at)]
  assert.match(attributes, /system\.posix_acl_access.*user\.origin/)
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  assert.match(sandbox.read(confPath), /^ossim_host=127\.0\.0\.1\nother=1\nossim_/)
  const after = statSync(at)
  assert.notEqual(after.ino, before.ino, 'it was replaced whole')
  assert.deepEqual([after.uid, after.gid, after.mode], [owner, group, before.mode])
  assert.equal(attributesOf(at), attributes)
  assert.match((await sandbox.setup()).stdout, /changed=0/)
})

test('a frameworkd.ini that is there keeps its owner, group and mode', needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const path = '/etc/frameworkd/frameworkd.ini'
  sandbox.write(path, '# mine\n', 0o640)
  chownSync(sandbox.path(path), 0, group)
  assert.equal((await sandbox.setup()).code, 0)
  assert.match(sandbox.read(path), /^# mine\nstore=sqlite\n/)
  const { uid, gid, mode } = statSync(sandbox.path(path))
  assert.deepEqual([uid, gid, mode & 0o7777], [0, group, 0o640])
})

test("a stranger's ossim.conf in a folder that others can write is refused, and left as it is", needsRoot, async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/etc/passwd', `www-data:x:${owner}:${group}:::\n`)
  sandbox.write(confPath, 'ossim_host=elsewhere\n')
  chownSync(dirname(sandbox.path(confPath)), owner, group)
  chownSync(sandbox.path(confPath), 4999, group)
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 1, stderr)
  assert.match(stderr, /belongs to a stranger \(uid 4999\)/)
  assert.equal(sandbox.read(confPath), 'ossim_host=elsewhere\n')
})

test('an account that is not root rewrites its own files, in a tree', needsRoot, async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write('/etc/passwd', `www-data:x:${owner}:${group}:::\n`)
  sandbox.write(confPath, 'ossim_host=elsewhere\n', 0o640)
  execFileSync('chown', ['-R', `${owner}:${group}`, sandbox.root])
  const program = programFile('frameworkd-setup')
  const account = [`--reuid=${owner}`, `--regid=${group}`, '--clear-groups']
  const args = [process.execPath, program, '--non-interactive', '--root', sandbox.root, ...sandbox.flags]
  const { code, stderr } = await ended(spawn('setpriv', [...account, ...args]))
  assert.equal(code, 0, stderr)
  const { uid, mode } = statSync(sandbox.path(confPath))
  assert.deepEqual([uid, mode & 0o7777], [owner, 0o640])
})
