/**
 * An image with cloud-init, made as docs/operations.md says, and instances of it that get the user-data of that page from a
 * seed (cloud-init's data source NoCloud): with which the first boot sets them up, once each.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, type TestContext, test } from 'node:test'
import { recipeOf } from '../support/recipe.ts'
import {
  assertSurvivesReboot,
  createDatabase,
  keyFile,
  keyOf,
  rowOf,
  sql,
  untilServing,
  untilSetUp,
} from '../system/support/appliance.ts'
import { Bridge } from '../system/support/bridge.ts'
import type { ImageName } from '../system/support/image.ts'
import { installInside, runInside } from '../system/support/inside.ts'
import { Machine } from '../system/support/machine.ts'
import { Tree } from '../system/support/tree.ts'

const limit = { timeout: 600_000 }
const userData = recipeOf('yaml cloud-init: user-data')
const ours = 'frameworkd-first-boot'
/** Where a command of user-data runs, in older and in newer releases. */
const theirs = ['cloud-final', 'cloud-init-main']
const lastStep = recipeOf('sh cloud-init: image').split('\n').at(-2) ?? ''
const images = { bookworm: 'cloud-bookworm', trixie: 'cloud-trixie' } as const

for (const [index, [name, image]] of Object.entries(images).entries()) {
  describe(name, () => {
    let resources: AsyncDisposableStack
    let bridge: Bridge
    let database: Machine
    let golden: Tree
    const promise = (title: string, prove: (context: TestContext) => Promise<void>) =>
      test(`${name}: ${title}`, limit, prove)

    before(async () => {
      resources = new AsyncDisposableStack()
      bridge = resources.use(new Bridge(8 + index))
      database = resources.use(await bootDatabase(resources.use(Tree.of(image)), bridge))
      golden = resources.use(makeGolden(image, bridge))
    }, limit)
    after(() => resources.disposeAsync(), limit)

    /** @param host is its number in the network, and its instance id */
    async function launch(host: number, seed: string, makeSlow?: (tree: Tree) => void): Promise<Machine> {
      const tree = resources.use(golden.clone())
      tree.write('/var/lib/cloud/seed/nocloud/meta-data', `instance-id: i-${host}\nlocal-hostname: ossim${host}\n`)
      tree.write('/var/lib/cloud/seed/nocloud/user-data', seed)
      makeSlow?.(tree)
      return resources.use(await Machine.boot(tree, { network: { bridge, address: bridge.address(host) } }))
    }

    let first: Machine

    promise('an instance sets itself up with what its user-data brought, beside a run of that', async (context) => {
      first = await launch(2, userData)
      await untilSetUp(first)
      await assertCloudInitIsDone(first)
      assert.equal(await keyOf(first), await rowOf(database))
      assert.equal(await first.output('hostname'), 'ossim2')
      assert.match(await first.output('frameworkd-setup config'), /^drift-every +600 /m)
      assert.match(await first.output('stat --format=%a:%U:%G /etc/ossim/framework/ossim.conf'), /^640:root:www-data$/)
      // Whichever came first has done the work.
      const runs = [await recapsOf(first, ours), await recapsOf(first, ...theirs)].flat()
      assert.equal(runs.length, 2, runs.join('\n'))
      assert.deepEqual(runs.map((recap) => /changed=0 /.test(recap)).sort(), [false, true])
      assert.ok(runs.every((recap) => recap.endsWith('failed=0')))
      for (const figure of await bootFigures(first)) context.diagnostic(figure)
    })

    promise('a reboot of it sets nothing up again', async () => {
      await assertSurvivesReboot(first)
      assert.deepEqual(await recapsOf(first, ours), [])
      assert.deepEqual(await recapsOf(first, ...theirs), [])
    })

    promise('another instance of the image has a first boot of its own, which waits for its user-data', async () => {
      const elsewhere = userData.replace('ossim_base=alienvault', 'ossim_base=second')
      assert.notEqual(elsewhere, userData)
      const machine = await launch(3, elsewhere, (tree) =>
        tree.write('/etc/systemd/system/cloud-config.service.d/slow.conf', '[Service]\nExecStartPre=/bin/sleep 4\n'),
      )
      // As a play that comes as soon as it gets in, while cloud-init is at work.
      assert.equal(await machine.output('systemctl show -P ActiveState cloud-config'), 'activating')
      assert.equal(await machine.output(`systemctl show -P ActiveState ${ours}`), 'inactive')
      const play = await machine.output('frameworkd-setup --non-interactive --no-color --wait-for-lock 100')
      assert.match(play, /^~ deferred +service +.*starts when the boot is over$/m)
      await untilSetUp(machine)
      await assertCloudInitIsDone(machine)
      const row = await sql(database, "SELECT value FROM config WHERE conf = 'encryption_key'", 'second')
      assert.equal(await keyOf(machine), row)
      assert.notEqual(row, await rowOf(database))
      const [written, begun] = [
        await microseconds(machine, 'cloud-config', 'ActiveEnterTimestamp'),
        await microseconds(machine, ours, 'ConditionTimestamp'),
      ]
      assert.ok(written > 0 && begun >= written, `${begun} is not after ${written}`)
    })

    promise('cloud-init clean alone keeps the key; sealed before, the machine is an image again', async () => {
      const id = await first.output('cat /etc/machine-id')
      const key = await keyOf(first)
      await first.output('cloud-init clean')
      assert.equal(await keyOf(first), key)
      await first.reboot()
      await untilServing(first)
      await assertCloudInitIsDone(first)
      assert.deepEqual(await recapsOf(first, ours), [])
      assert.match(String(await recapsOf(first, ...theirs)), /changed=0 /)
      await first.output(lastStep)
      assert.equal((await first.run(`test -e ${keyFile} -o -s /etc/machine-id`)).code, 1)
      await first.reboot()
      await untilSetUp(first)
      await assertCloudInitIsDone(first)
      assert.equal(await keyOf(first), key)
      assert.notEqual(await first.output('cat /etc/machine-id'), id)
    })
  })
}

async function assertCloudInitIsDone(machine: Machine): Promise<void> {
  const { code, stdout, stderr } = await machine.run('cloud-init status --wait --long')
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\.*status: done$/m)
}

/** How the runs of setup in these units ended, in this boot. */
async function recapsOf(machine: Machine, ...units: readonly string[]): Promise<string[]> {
  const chosen = units.map((unit) => `--unit=${unit}`).join(' ')
  const { stdout } = await machine.run(`journalctl --boot --output=cat ${chosen} --grep='^ok=.*changed='`)
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('--'))
}

/** @param timestamp as systemctl(1) names it, without its end */
async function microseconds(machine: Machine, unit: string, timestamp: string): Promise<number> {
  return Number(await machine.output(`systemctl show -P ${timestamp}Monotonic ${unit}`))
}

const told = /Starting|Finished|Started|Reached target multi|changed=|Listening on|Datasource/

/** What happened in the boot, and when, in seconds after the start of its process 1. */
async function bootFigures(machine: Machine): Promise<string[]> {
  const begun = Number(await machine.output('systemctl show -P UserspaceTimestampMonotonic')) / 1e6
  const units = [
    'cloud-init',
    'cloud-init-network',
    'cloud-config',
    'cloud-final',
    'frameworkd-first-boot',
    'frameworkd',
  ]
  const ofUnits = units.flatMap((unit) => [`UNIT=${unit}.service`, '+', `_SYSTEMD_UNIT=${unit}.service`, '+'])
  const command = `journalctl --boot --output=short-monotonic --no-hostname ${ofUnits.join(' ')} UNIT=multi-user.target`
  const lines = (await machine.output(command)).split('\n').filter((line) => told.test(line))
  return lines.map((line) =>
    line
      .replace(/^\[ *([\d.]+)\]/, (_, seconds) => `${(Number(seconds) - begun).toFixed(2).padStart(6)} s`)
      .slice(0, 150),
  )
}

async function bootDatabase(tree: Tree, bridge: Bridge): Promise<Machine> {
  tree.write('/etc/cloud/cloud-init.disabled', '')
  tree.write('/etc/mysql/mariadb.conf.d/99-test.cnf', '[mariadbd]\nbind-address = 0.0.0.0\n')
  const machine = await Machine.boot(tree, { network: { bridge, address: bridge.address(1) } })
  await sql(machine, `${createDatabase}; CREATE DATABASE second; GRANT ALL ON second.* TO 'ossim'@'%'`, '')
  return machine
}

/** What a builder of images does. */
function makeGolden(image: ImageName, bridge: Bridge): Tree {
  const tree = Tree.of(image)
  installInside(tree)
  // The data source is the platform's affair; the locale that cloud-init takes for granted is not installed.
  const cloud = ['datasource_list: [NoCloud, None]', 'network: {config: disabled}', 'locale: C.UTF-8', '']
  tree.write('/etc/cloud/cloud.cfg.d/90-test.cfg', cloud.join('\n'))
  // Its database is another machine.
  execFileSync('systemctl', ['--root', tree.root, 'mask', '--quiet', 'mariadb.service', 'monit.service'])
  tree.write('/etc/hosts', `127.0.0.1 localhost\n${bridge.address(1)} db.example\n`)
  runInside(tree, recipeOf('sh cloud-init: image'))
  return tree
}
