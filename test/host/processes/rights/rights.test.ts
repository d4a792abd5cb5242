/** The rights of another account are taken and given back, whatever happens. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { KnownError } from '../../../../src/errors.ts'
import { rightsOf } from '../../../../src/host/processes/rights/rights.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const ids = { uid: 4242, gid: 4243 }
const ours = () => [process.geteuid?.(), process.getegid?.(), process.getgroups?.()]

test('the work has the rights of the account, and we have ours after it, also when it fails', needsRoot, () => {
  const before = ours()
  assert.deepEqual(rightsOf(ids).run(ours), [4242, 4243, [4243]])
  assert.deepEqual(ours(), before)
  const failing = () => {
    throw new KnownError('busy', 'x', 'y')
  }
  assert.throws(() => rightsOf(ids).run(failing), /^KnownError: x$/)
  assert.deepEqual(ours(), before)
})

test('ids that were set are set back where the others could not be set, and that is a known error', needsRoot, () => {
  const before = ours()
  // The kernel takes no such id; Node refuses it before.
  for (const wrong of [
    { uid: 4242, gid: 2 ** 32 - 1 },
    { uid: 2 ** 32 - 1, gid: 4243 },
  ])
    assert.throws(() => rightsOf(wrong).run(ours))
  assert.deepEqual(ours(), before)
})

for (const dropped of ['setuid', 'setgid']) {
  test(`root without CAP_${dropped.toUpperCase()} is told so, with 4 and without a stack`, needsRoot, (t) => {
    const script = `
      import { rightsOf } from './src/host/processes/rights/rights.ts'
      import { becomeAccount } from './src/host/processes/rights/become.ts'
      const ours = () => JSON.stringify([process.geteuid(), process.getegid(), process.getgroups()])
      const before = ours()
      for (const work of [() => rightsOf({ uid: 4242, gid: 4243 }).run(() => {}), () => becomeAccount({ uid: 4242, gid: 4243 })])
        try { work(); console.log('no error') } catch (error) { console.log(error.name, error.exitCode, error.message) }
      console.log(before === ours())`
    const node = [process.execPath, '--input-type=module', '-e', script]
    const child = spawnSync('setpriv', [`--bounding-set=-${dropped}`, ...node], { encoding: 'utf8' })
    if (child.error) return t.skip('setpriv is not installed')
    assert.match(
      child.stdout,
      /^(KnownError 4 rights: root may not act as another account here \(EPERM\)\n){2}/,
      child.stderr,
    )
    if (dropped === 'setuid') return
    assert.match(child.stdout, /true\n$/)
  })
}
