/** The two packages on the oldest systems that can be booted: Debian 11, and one with what passes for systemd 232. */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import {
  assertSurvivesReboot,
  installPackage,
  isActive,
  keyOf,
  mainPid,
  packageFile,
  provision,
  rowOf,
  setup,
  until,
  untilServing,
  untilServingAnew,
} from './support/appliance.ts'
import type { Machine } from './support/machine.ts'
import { onOneMachine } from './support/one-machine.ts'
import { installSystemd232StandIn } from './support/systemd-232.ts'
import { Tree } from './support/tree.ts'

const places = [
  { name: 'bullseye', kind: 'frameworkd', prepare: () => {} },
  { name: 'stand-in of systemd 232', kind: 'frameworkd-legacy', prepare: installSystemd232StandIn },
] as const

for (const { name, kind, prepare } of places) {
  describe(name, () => {
    const promise = onOneMachine(name, () => {
      const tree = Tree.of('bullseye')
      prepare(tree)
      // So that nobody has to wait for long until it is fed.
      tree.write('/etc/systemd/system/frameworkd.service.d/watchdog.conf', '[Service]\nWatchdogSec=4\n')
      return tree
    })

    if (kind === 'frameworkd-legacy') {
      promise('the units of the other package are misunderstood there', async ({ machine }) => {
        await installPackage(machine)
        await machine.output('systemctl daemon-reload')
        await machine.run('systemctl start frameworkd')
        assert.equal(await isActive(machine), false)
        assert.equal(await machine.output('systemctl show -P ExecMainStatus frameworkd'), '127')
        assert.match(await complaints(machine), /Unknown (key|lvalue).*ProtectProc/)
        await machine.output(
          'systemctl stop frameworkd; systemctl reset-failed; journalctl --rotate; journalctl --vacuum-time=1us',
        )
      })
    }

    promise(
      'one apply of its package installs, enables and starts it, and a second changes nothing',
      async ({ machine }) => {
        await provision(machine, packageFile(kind))
        assert.equal(await rowOf(machine), await keyOf(machine))
        assert.equal(await isActive(machine), true)
        assert.match(await machine.output(setup), /changed=0 .*failed=0/)
        assert.equal(await complaints(machine), '')
        assert.match(await machine.output('dpkg -l frameworkd frameworkd-legacy 2>/dev/null || true'), /^ii /m)
      },
    )

    promise('systemd hears of readiness, of each reload and of the watchdog', async ({ machine }) => {
      const pid = await mainPid(machine)
      const fed = () => machine.output('systemctl show -P WatchdogTimestampMonotonic frameworkd')
      assert.match(await machine.output('systemctl show -P StatusText frameworkd'), /^Listening on 127\.0\.0\.1/)
      await machine.output('systemctl reload frameworkd')
      const before = await fed()
      await until('the watchdog is fed again', async () => (await fed()) !== before)
      assert.equal(await mainPid(machine), pid)
      assert.equal(await isActive(machine), true)
    })

    promise('lock and the folder of the pidfile outlive a stop, and it starts again', async ({ machine }) => {
      await machine.output('systemctl stop frameworkd')
      assert.equal((await machine.run('frameworkd status')).code, 3)
      await machine.output('test -e /run/frameworkd/lock && test ! -e /run/frameworkd/frameworkd.pid')
      await machine.output('systemctl start frameworkd')
      await untilServing(machine)
      assert.equal(await machine.output('readlink /run/ossim-framework.pid'), 'frameworkd/frameworkd.pid')
    })

    promise('another owner gets the folder of lock and pidfile with what is in it', async ({ machine }) => {
      const pid = await mainPid(machine)
      // What apply leaves to people, and names.
      await machine.output('chgrp daemon /etc/ossim/framework/ossim.conf; chown daemon /var/log/ossim/*.log')
      await machine.output(`${setup} --owner daemon`)
      await untilServingAnew(machine, pid)
      assert.equal(await machine.output("stat -c '%U' /run/frameworkd /run/frameworkd/lock | uniq"), 'daemon')
      assert.match(await machine.output(setup), /changed=0 .*failed=0/)
    })

    promise('after a reboot it serves by itself, with the same key', async ({ machine }) => {
      await assertSurvivesReboot(machine)
    })

    if (kind === 'frameworkd') {
      promise(
        'the other package takes its place in one step, and a purge of it then takes nothing away',
        async ({ machine }) => {
          const key = await keyOf(machine)
          const pid = await mainPid(machine)
          await installPackage(machine, packageFile('frameworkd-legacy'))
          await untilServingAnew(machine, pid)
          await machine.output('dpkg --purge frameworkd')
          assert.equal(await keyOf(machine), key)
          assert.match(await machine.output(setup), /changed=0 .*failed=0/)
          await machine.output('frameworkd ping')
        },
      )
    }
  })
}

/**
 * What systemd said of our units that it does not understand, but for the credential without a path, which one before
 * 250 complains of, and goes on without.
 */
function complaints(machine: Machine): Promise<string> {
  return machine.output(
    "journalctl --sync; journalctl --boot --output=cat | grep -E '/frameworkd[^/]*[.]service:[0-9]+: ' | " +
      "grep -v 'Invalid syntax, ignoring: frameworkd[.]db-password$' || true",
  )
}
