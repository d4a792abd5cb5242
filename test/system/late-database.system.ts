/** A machine whose database comes late, or not at all. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  bootFigure,
  databaseUnits,
  isActive,
  keyOf,
  mainPid,
  provision,
  until,
  untilServing,
} from './support/appliance.ts'
import { Machine } from './support/machine.ts'
import { Tree } from './support/tree.ts'

const lateBySeconds = 60

for (const image of ['bookworm', 'trixie'] as const) {
  describe(image, () => {
    const promise = (title: string, prove: (context: TestContext) => Promise<void>) =>
      test(`${image}: ${title}`, { timeout: 600_000 }, prove)

    promise(
      `a database that is down holds up no boot; ${lateBySeconds} s later the daemon serves by itself`,
      async (context) => {
        using tree = Tree.of(image)
        await using machine = await Machine.boot(tree)
        await provision(machine)
        const key = await keyOf(machine)
        await machine.output(`systemctl disable ${databaseUnits}`)
        await machine.reboot()
        assert.equal(await machine.output('systemctl is-active multi-user.target'), 'active')
        context.diagnostic(await bootFigure(machine))
        await until('systemctl status says what it waits for', async () =>
          /^Status: "Waiting: .*127\.0\.0\.1/m.test(
            (await machine.run('systemctl status frameworkd | sed "s/^ *//"')).stdout,
          ),
        )
        const { waitsFor, ...status } = JSON.parse(await machine.output('frameworkd status --json'))
        assert.deepEqual(status, { version: 1, state: 'starting', pid: Number(await mainPid(machine)) })
        assert.match(waitsFor, /127\.0\.0\.1:3306/)
        const beside = await machine.run('frameworkd run --user www-data')
        assert.deepEqual([beside.code, /already running, pid (\d+)/.exec(beside.stderr)?.[1]], [1, String(status.pid)])
        await sleep(lateBySeconds * 1000)
        assert.equal(await machine.output('systemctl show -P NRestarts frameworkd'), '0')
        await machine.output('systemctl start mariadb')
        await untilServing(machine)
        assert.equal(await isActive(machine), true)
        assert.equal(await keyOf(machine), key)
      },
    )
  })
}
