/** What cannot be seen is told as such, and never as "not running". */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { daemonVerb, provisioned, startDetached, talk } from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { programFile } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { notRoot } from '../../support/services.ts'

const door = programFile('frameworkd')

/** A verb in other circumstances: a shell prepares them and ends in the program. */
function verbIn(prefix: readonly string[], prepare: string, verb: string, sandbox: Sandbox) {
  const [program = 'sh', ...args] = [...prefix, 'sh', '-c', `${prepare}\nexec "$0" "$@"`, process.execPath]
  return spawnSync(program, [...args, door, verb, '--root', sandbox.root], { encoding: 'utf8' })
}

const blinds: Record<string, [prefix: string[], prepare: string]> = {
  'no /proc': [['unshare', '--mount'], 'umount -l /proc'],
  'another pid namespace': [['unshare', '--mount', '--pid', '--fork', '--mount-proc'], ':'],
}

for (const [what, [prefix, prepare]] of someOf(Object.entries(blinds), 1)) {
  test(`with ${what} a running daemon is unknown to every verb, and no second one is started`, {
    skip: notRoot,
  }, async () => {
    await using sandbox = await provisioned()
    await sandbox.setRow('frameworkd_listener', '0')
    await using daemon = await startDetached(sandbox)
    for (const verb of ['status', 'start', 'stop', 'reload', 'restart']) {
      const { status, stdout, stderr } = verbIn(prefix, prepare, verb, sandbox)
      assert.equal(status, 4, `${verb}: ${stdout}${stderr}`)
      assert.match(stdout + stderr, /cannot be told whether frameworkd runs: |\/proc is not mounted/)
    }
    assert.match((await daemonVerb(sandbox, 'status')).stdout, new RegExp(`runs, pid ${daemon.pid}`))
  })
}

test('hidden by /proc from an account, a running daemon is unknown to every verb, and no second one starts', {
  skip: leftOut || notRoot,
}, async (t) => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.giveToOwner()
  assert.equal((await sandbox.setup()).code, 0)
  await using daemon = await startDetached(sandbox)
  const hide = 'mount -t proc -o hidepid=2 proc /proc'
  if (spawnSync('unshare', ['--mount', 'sh', '-c', hide]).status !== 0) return t.skip('/proc cannot be mounted here')
  for (const account of [33, 4711]) {
    const become = `${hide}\nexec setpriv --reuid=${account} --regid=${account} --clear-groups "$0" "$@"`
    for (const verb of ['status', 'start', 'stop', 'reload', 'restart']) {
      const { status, stdout, stderr } = verbIn(['unshare', '--mount'], become, verb, sandbox)
      assert.equal(status, 4, `${verb}: ${stdout}${stderr}`)
      const why = account === 33 ? /somebody holds .*\/lock who cannot be seen/ : /only root can look at .*\/lock/
      assert.match(stdout + stderr, why)
    }
  }
  const become = `${hide}\nexec setpriv --reuid=33 --regid=33 --clear-groups "$0" "$@"`
  const { status, stderr } = verbIn(['unshare', '--mount'], become, 'run', sandbox)
  assert.deepEqual([status, /already running, pid (\d+)/.exec(stderr)?.[1]], [1, String(daemon.pid)], stderr)
  assert.match((await daemonVerb(sandbox, 'status')).stdout, new RegExp(`runs, pid ${daemon.pid}`))
})

test('with the folder of its lock removed a running daemon is unknown, and no second one starts', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  const folder = sandbox.path('/run/frameworkd')
  rmSync(folder, { recursive: true })
  try {
    const status = await daemonVerb(sandbox, 'status')
    assert.deepEqual([status.code, status.stdout.match(/pid (\d+) holds/)?.[1]], [4, String(daemon.pid)])
    const start = await daemonVerb(sandbox, 'start')
    assert.equal(start.code, 4)
    const run = await daemonVerb(sandbox, 'run')
    assert.deepEqual([run.code, run.stderr.match(/already running, pid (\d+)/)?.[1]], [1, String(daemon.pid)])
    assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  } finally {
    process.kill(daemon.pid, 'SIGKILL')
  }
})

test('an account that may not look into the lock is told so at once', { skip: leftOut || notRoot }, async () => {
  await using sandbox = await provisioned()
  chmodSync(sandbox.root, 0o755)
  await using _daemon = await startDetached(sandbox)
  for (const verb of ['status', 'start', 'stop']) {
    const { status, stdout, stderr } = verbIn(['setpriv', '--reuid=4711', '--clear-groups'], ':', verb, sandbox)
    assert.equal(status, 4, stdout + stderr)
    assert.match(stdout + stderr, /only root can look at \/run\/frameworkd\/lock/)
  }
})
