import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { provisioned, serve, talk } from '../../support/daemon.ts'
import { freePort } from '../../support/mariadb.ts'
import { ended, start } from '../../support/programs.ts'
import { until } from '../../support/until.ts'

const fault = fileURLToPath(new URL('../../support/break-listener.js', import.meta.url))

for (const kind of ['gone', 'deaf'] as const) {
  test(`a daemon whose listener is ${kind} says so, cleans up and ends with 1`, async () => {
    await using sandbox = await provisioned()
    const port = String(await freePort())
    const child = start('frameworkd', ['run', '--root', sandbox.root, '--port', port], {
      NODE_OPTIONS: `--import=${fault}`,
      FAULT: kind,
      FAULT_TRIGGER: sandbox.path('/fault'),
      // Only for its interval: it is how often the daemon asks itself.
      WATCHDOG_USEC: '400000',
    })
    const end = ended(child)
    const pidfile = sandbox.path('/run/frameworkd/frameworkd.pid')
    await until(async () => (await talk(Number(port), ['ping\n'], 1)) === 'pong\n')
    assert.ok(existsSync(pidfile))
    sandbox.write('/fault', '')
    const { code, stderr } = await end
    assert.equal(code, 1)
    assert.match(stderr, /frameworkd: Listener is down\nhint: /)
    assert.match(sandbox.read('/var/log/ossim/frameworkd_error.log'), /\[ERROR\]: Listener is down\n$/)
    assert.equal(existsSync(pidfile), false)
    using next = await serve(sandbox)
    assert.equal(next.child.exitCode, null)
  })
}
