/** The life of an installed machine: set up, rebooted, hurt, reloaded. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { describe } from 'node:test'
import {
  assertSurvivesReboot,
  isActive,
  keyFile,
  keyOf,
  mainPid,
  provision,
  rowOf,
  setup,
  sql,
  until,
  untilServing,
  untilServingAnew,
} from './support/appliance.ts'
import type { Machine } from './support/machine.ts'
import { onOneMachine } from './support/one-machine.ts'
import { Tree } from './support/tree.ts'

for (const image of ['bookworm', 'trixie'] as const) {
  describe(image, () => {
    const promise = onOneMachine(image, () => Tree.of(image))

    promise('package and one apply: the service is active and answers ping', async ({ machine }) => {
      await provision(machine)
      assert.equal(await isActive(machine), true)
      assert.equal(await rowOf(machine), await keyOf(machine))
    })

    promise('a second apply changes nothing', async ({ machine }) => {
      assert.match(await machine.output(setup), /changed=0 .*failed=0/)
    })

    promise('after a reboot it serves by itself, with the same key', async ({ machine, context }) => {
      await assertSurvivesReboot(machine)
      assert.equal(await isActive(machine), true)
      context.diagnostic(await machine.output('systemd-analyze time | head -1'))
      const blame = await machine.output('systemd-analyze blame --no-pager | grep -E "frameworkd|mariadb.service"')
      for (const line of blame.split('\n')) context.diagnostic(`systemd-analyze blame: ${line.trim()}`)
      const security = await machine.output('systemd-analyze security --no-pager frameworkd | tail -1')
      context.diagnostic(`systemd-analyze security: ${security.replace(/^\W+/, '')}`)
    })

    promise('neither NODE_OPTIONS nor SIGUSR1 gets anything into the executable', async ({ machine }) => {
      machine.tree.write('/root/planted.cjs', "require('node:fs').writeFileSync('/root/loaded', '')")
      await machine.output('NODE_OPTIONS="--require /root/planted.cjs" frameworkd --version')
      assert.equal((await machine.run('test -e /root/loaded')).code, 1)
      await machine.output(`kill -USR1 ${await mainPid(machine)}`)
      await untilServing(machine)
      assert.doesNotMatch(await machine.output('ss --listening --tcp --numeric'), /:9229/)
    })

    promise('killed with SIGKILL, it is started again, and the journal says why', async ({ machine }) => {
      const pid = await mainPid(machine)
      await machine.output(`kill -KILL ${pid}`)
      await untilServingAnew(machine, pid)
      assert.match(await machine.output('journalctl --boot --unit frameworkd'), /status=9\/KILL/)
    })

    promise(
      'when it no longer answers, the watchdog starts it again, and the journal says why',
      async ({ machine }) => {
        machine.tree.write('/etc/systemd/system/frameworkd.service.d/test.conf', shortWatchdog)
        await machine.output('systemctl daemon-reload && systemctl restart frameworkd')
        const pid = await mainPid(machine)
        await machine.output(`kill -STOP ${pid}`)
        await untilServingAnew(machine, pid)
        assert.match(await machine.output('journalctl --boot --unit frameworkd'), /Watchdog timeout/)
        await machine.output('rm -r /etc/systemd/system/frameworkd.service.d && systemctl daemon-reload')
      },
    )

    promise(
      'without its key file it refuses with 3 and stays down, until apply brings the key back',
      async ({ machine }) => {
        const key = await keyOf(machine)
        await machine.output(`rm ${keyFile}`)
        await machine.run('systemctl restart frameworkd')
        await untilRefused(machine)
        assert.match(
          await machine.output(`journalctl --boot --unit frameworkd --lines 20`),
          /missing in .*db_encryption_key/,
        )
        await machine.output(setup)
        await untilServing(machine)
        assert.equal(await keyOf(machine), key)
      },
    )

    promise('when row and file differ it refuses with 3, apply decides nothing, --adopt does', async ({ machine }) => {
      const key = await keyOf(machine)
      await sql(machine, "UPDATE config SET value = REVERSE(value) WHERE conf = 'encryption_key'")
      await machine.run('systemctl restart frameworkd')
      await untilRefused(machine)
      assert.match(await machine.output(`journalctl --boot --unit frameworkd --lines 20`), /frameworkd-setup/)
      assert.equal((await machine.run(setup)).code, 3)
      assert.equal(await keyOf(machine), key)
      await machine.output(`${setup} --adopt file`)
      await untilServing(machine)
      assert.equal(await rowOf(machine), key)
    })

    promise('a rotation beside the service: values follow, and it serves on with the new key', async ({ machine }) => {
      const [key, pid] = [await keyOf(machine), await mainPid(machine)]
      await sql(machine, `INSERT INTO config VALUES ('test_pass', AES_ENCRYPT('hunter2', '${key}'))`)
      await machine.output(`${setup} key rotate --no-backup --no-second-look --yes`)
      await untilServingAnew(machine, pid)
      const rotated = await keyOf(machine)
      assert.notEqual(rotated, key)
      assert.equal(await rowOf(machine), rotated)
      const value = `SELECT CAST(AES_DECRYPT(value, '${rotated}') AS CHAR) FROM config WHERE conf = 'test_pass'`
      assert.equal(await sql(machine, value), 'hunter2')
      assert.match(
        await machine.output('systemctl show --property NRestarts,ActiveState frameworkd'),
        /ActiveState=active/,
      )
      assert.equal((await machine.run('frameworkd status --check')).code, 0)
      assert.match(await machine.output(setup), /changed=0 .*failed=0/)
    })

    promise('frameworkd restart leaves the service running where it could not start again', async ({ machine }) => {
      const dropIn = '/etc/systemd/system/frameworkd.service.d/test.conf'
      const putDropIn = (lines: string) =>
        `mkdir -p $(dirname ${dropIn}) && printf '[Service]\n${lines}' > ${dropIn} && systemctl daemon-reload`
      const removeDropIn = `rm -r $(dirname ${dropIn}) && systemctl daemon-reload`
      const withPidfile = 'ExecStart=\nExecStart=/usr/sbin/frameworkd run --pidfile /etc/its.pid\n'
      const obstacles = [
        { spoil: `chown root ${keyFile}`, mend: `chown www-data ${keyFile}`, code: 1, says: /db_encryption_key/ },
        {
          spoil: putDropIn(withPidfile),
          mend: removeDropIn,
          code: 2,
          says: /--pidfile: www-data:www-data cannot write in \/etc/,
        },
        {
          spoil: putDropIn('Environment="NAMES=a b" FRAMEWORKD_DB_PORT=1\n'),
          mend: removeDropIn,
          code: 75,
          says: /127\.0\.0\.1:1: nothing listens there/,
        },
      ]
      const pid = await mainPid(machine)
      for (const { spoil, mend, code, says } of obstacles) {
        await machine.output(spoil)
        const ended = await machine.run('frameworkd restart')
        await machine.output(mend)
        assert.equal(ended.code, code, ended.stderr)
        assert.match(ended.stderr, says)
        assert.match(ended.stderr, /it could not start again, so it was left as it is\n$/)
        assert.equal(await mainPid(machine), pid)
        assert.equal(await machine.output('frameworkd ping'), 'pong')
      }
      // The service gets its password from systemd, and nothing of what a shell has in its environment.
      const settings = '/etc/ossim/framework/ossim.conf'
      const command = 'ExecStart=\nExecStart=/usr/sbin/frameworkd run $MORE\nEnvironment="MORE=-v --log-format json"\n'
      await machine.output(putDropIn(`${command}LoadCredential=frameworkd.db-password:/root/db-password\n`))
      await machine.output(`sed -i.kept '/^ossim_pass/d' ${settings} && systemctl restart frameworkd`)
      const before = await mainPid(machine)
      await machine.output('FRAMEWORKD_DB_PORT=1 frameworkd restart')
      await untilServingAnew(machine, before)
      await machine.output(`cp -p ${settings}.kept ${settings} && ${removeDropIn} && frameworkd restart`)
    })

    promise('no connection is lost in 100 reloads under load', async ({ machine, context }) => {
      const reloads = async () => JSON.parse(await machine.output('frameworkd status --json')).reloads.ended
      const before = await reloads()
      const load = machine.spawnInNetwork('test/system/support/load.ts', '40003')
      context.after(() => load.kill())
      for (let count = 0; count < 100; count += 1) await machine.output('frameworkd reload')
      load.stdin.end()
      const seen = JSON.parse(await text(load.stdout))
      assert.equal((await reloads()) - before, 100)
      context.diagnostic(`${seen.pings} pings on ${seen.connections} connections`)
      assert.equal(seen.lost, 0)
      assert.ok(seen.connections > 20)
    })

    promise('start-stop-daemon and Monit find it by its pidfile, and Monit starts it', async ({ machine }) => {
      await machine.output('start-stop-daemon --status --pidfile /run/ossim-framework.pid --user www-data')
      await machine.output(
        'start-stop-daemon --status --pidfile /run/frameworkd/frameworkd.pid --exec /usr/sbin/frameworkd',
      )
      await machine.output("sed -i 's/set daemon .*/set daemon 1/' /etc/monit/monitrc && systemctl restart monit")
      const pid = await mainPid(machine)
      // Monit may start it before the stop is over, which is canceled then.
      await machine.run('systemctl stop frameworkd')
      await untilServingAnew(machine, pid)
    })
  })
}

const shortWatchdog = '[Service]\nWatchdogSec=4\nTimeoutAbortSec=2\n'

/** Ended with 3, and nobody starts it again. */
async function untilRefused(machine: Machine): Promise<void> {
  const properties = 'systemctl show --property ActiveState,ExecMainStatus frameworkd'
  await until('the daemon has refused', async () => {
    const state = await machine.output(properties)
    return /ActiveState=failed/.test(state) && /ExecMainStatus=3/.test(state)
  })
}
