/** What could not start again is not stopped: a restart first makes the checks of a start, as the account that would start. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { daemonVerb, provisioned, provisionedForAccount, startDetached, talk } from '../support/daemon.ts'
import { someOf } from '../support/extent.ts'
import { keyB, keyPath, type Sandbox } from '../support/sandbox.ts'
import { notRoot } from '../support/services.ts'

interface Obstacle {
  spoil(sandbox: Sandbox): unknown
  args?: readonly string[]
  code: number
  says: RegExp
}

const obstacles: Record<string, Obstacle> = {
  "a key file of root's": {
    spoil: (sandbox) => chownSync(sandbox.path(keyPath), 0, 0),
    code: 1,
    says: /db_encryption_key cannot be read/,
  },
  'a closed /etc/ossim': {
    spoil: (sandbox) => chmodSync(sandbox.path('/etc/ossim'), 0o700),
    code: 1,
    says: /\/etc\/ossim.* cannot be read/,
  },
  'another key in the row': {
    spoil: (sandbox) => sandbox.setRow('encryption_key', keyB),
    code: 3,
    says: /different keys/,
  },
  'a closed folder of the lock': {
    spoil: (sandbox) => chmodSync(sandbox.path('/run/frameworkd'), 0o500),
    code: 2,
    says: /www-data cannot write in \/run\/frameworkd/,
  },
  'a folder of a pidfile that is not the account\u2019s': {
    spoil: () => {},
    args: ['--pidfile', '/run/its.pid'],
    code: 2,
    says: /--pidfile: www-data cannot write in \/run/,
  },
}

for (const [what, { spoil, args = [], code, says }] of someOf(Object.entries(obstacles), 1)) {
  test(`restart leaves the daemon as it is where a start would fail: ${what}`, { skip: notRoot }, async () => {
    await using sandbox = await provisionedForAccount()
    await using daemon = await startDetached(sandbox)
    await spoil(sandbox)
    const ended = await daemonVerb(sandbox, 'restart', args)
    assert.equal(ended.code, code, ended.stderr)
    assert.match(ended.stderr, says)
    assert.match(ended.stderr, /it could not start again, so it was left as it is\n/)
    assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
  })
}

test('restart leaves the daemon as it is where a start would fail: a port that another program has', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  const stranger = createServer()
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  const { port } = stranger.address() as { port: number }
  const { code, stderr } = await daemonVerb(sandbox, 'restart', ['--port', String(port)])
  stranger.close()
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1 port ${port} is taken`))
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
})

test('restart starts another daemon in the place of the one that runs', async () => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  const { code, stdout, stderr } = await daemonVerb(sandbox, 'restart', ['--port', String(daemon.port)])
  assert.equal(code, 0, stderr)
  assert.notEqual(/pid (\d+)/.exec(stdout)?.[1], String(daemon.pid))
  assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n')
})
