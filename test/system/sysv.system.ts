/** A machine without systemd: the init script does it all. */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { assertSurvivesReboot, keyOf, provision, rowOf, setup, until, untilServing } from './support/appliance.ts'
import { onOneMachine } from './support/one-machine.ts'
import { Tree } from './support/tree.ts'

const image = 'bookworm-sysv'
const pidfile = '/run/ossim-framework.pid'

describe(image, () => {
  const promise = onOneMachine(image, () => Tree.of(image), { init: 'sysv' })

  promise('one apply installs, enables and starts the init script', async ({ machine }) => {
    await provision(machine)
    assert.equal(await rowOf(machine), await keyOf(machine))
    await machine.output('service frameworkd status')
    assert.match(await machine.output(setup), /changed=0 .*failed=0/)
  })

  promise('after a reboot it serves by itself, with the same key', async ({ machine }) => {
    await assertSurvivesReboot(machine)
  })

  promise(
    'stop, start, restart and reload of the script do what they say, with the exit codes of the LSB',
    async ({ machine }) => {
      await machine.output('service frameworkd stop')
      assert.equal((await machine.run('service frameworkd status')).code, 3)
      await machine.output('service frameworkd stop')
      await machine.output('service frameworkd start')
      await untilServing(machine)
      const pid = await machine.output(`cat ${pidfile}`)
      await machine.output('service frameworkd start && service frameworkd reload')
      assert.equal(await machine.output(`cat ${pidfile}`), pid)
      await machine.output('service frameworkd restart')
      await untilServing(machine)
      assert.notEqual(await machine.output(`cat ${pidfile}`), pid)
    },
  )

  promise('Monit starts it again after SIGKILL, by its pidfile', async ({ machine }) => {
    await machine.output("sed -i 's/set daemon .*/set daemon 1/' /etc/monit/monitrc && service monit restart")
    const pid = await machine.output(`cat ${pidfile}`)
    await machine.output(`kill -KILL ${pid}`)
    assert.equal((await machine.run('service frameworkd status')).code, 1)
    await until('another process serves', async () => {
      const { stdout } = await machine.run(`cat ${pidfile}`)
      return stdout.trim() !== pid && (await machine.run('frameworkd ping')).stdout === 'pong\n'
    })
  })

  promise('start-stop-daemon finds it by its pidfile and stops it', async ({ machine }) => {
    await machine.output('service monit stop')
    await machine.output(`start-stop-daemon --status --pidfile ${pidfile} --user www-data`)
    await machine.output(`start-stop-daemon --stop --retry 20 --pidfile ${pidfile} --exec /usr/sbin/frameworkd`)
    assert.equal((await machine.run('service frameworkd status')).code, 3)
  })
})
