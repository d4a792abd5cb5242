/** An image: built in a chroot, sealed, and cloned to machines that set themselves up when they first boot. */
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { keyA, keyB, keyFileText } from '../support/sandbox.ts'
import {
  bootFigure,
  createDatabase,
  databaseFlags,
  databaseUnits,
  keyFile,
  keyOf,
  password,
  rowOf,
  setup,
  sql,
  until,
  untilServing,
  untilSetUp,
} from './support/appliance.ts'
import { Bridge } from './support/bridge.ts'
import { installInside, runInside } from './support/inside.ts'
import { Machine } from './support/machine.ts'
import { Tree } from './support/tree.ts'

for (const [subnet, image] of (['bookworm', 'trixie'] as const).entries()) {
  describe(image, () => {
    let bridge: Bridge
    const promise = (title: string, prove: (context: TestContext) => Promise<void>) =>
      test(`${image}: ${title}`, { timeout: 600_000 }, prove)

    before(() => {
      bridge = new Bridge(subnet)
    })
    after(() => {
      bridge[Symbol.dispose]()
    })

    promise('two clones of a sealed image on one database set themselves up with one key', async () => {
      using databaseTree = Tree.of(image)
      databaseTree.write('/etc/mysql/mariadb.conf.d/99-test.cnf', '[mariadbd]\nbind-address = 0.0.0.0\n')
      await using database = await Machine.boot(databaseTree, { network: { bridge, address: bridge.address(1) } })
      await sql(database, createDatabase, '')

      using golden = Tree.of(image)
      sealImage(golden, databaseFlags(bridge.address(1)))
      using firstTree = golden.clone()
      using secondTree = golden.clone()
      const boot = (tree: Tree, host: number) =>
        Machine.boot(tree, { network: { bridge, address: bridge.address(host) } })
      await using first = await boot(firstTree, 2)
      await using second = await boot(secondTree, 3)
      for (const machine of [first, second]) {
        await untilSetUp(machine)
        // It was started when the key was there, and not before.
        const starts = "journalctl --boot --output=cat --unit=frameworkd | grep -c '^Starting '"
        assert.equal(await machine.output(starts), '1')
        assert.equal(await machine.output('systemctl show -P Result frameworkd'), 'success')
      }
      const key = await rowOf(database)
      assert.equal(await keyOf(first), key)
      assert.equal(await keyOf(second), key)
      assert.notEqual(await machineId(first), await machineId(second))
    })

    promise('the first boot and the daemon have a password that only the system was handed', async () => {
      using golden = Tree.of(image)
      sealImage(golden, databaseFlags().replace(/--db-password-file \S+/, ''))
      using tree = golden.clone()
      await using machine = await Machine.boot(tree, { credentials: { 'frameworkd.db-password': password } })
      await sql(machine, createDatabase, '')
      await untilSetUp(machine)
      assert.equal((await machine.run(`grep -r ossim_pass /etc/ossim`)).code, 1)
      await machine.output('systemctl restart frameworkd')
      await untilServing(machine)
    })

    promise('without a machine id systemd enables nothing of ours by itself', async () => {
      using tree = Tree.of(image)
      installInside(tree)
      runInside(tree, 'rm -f /etc/machine-id')
      await using machine = await Machine.boot(tree)
      for (const unit of ['frameworkd', 'frameworkd-first-boot']) {
        assert.equal((await machine.run(`systemctl is-enabled ${unit}`)).stdout, 'disabled\n')
        assert.equal((await machine.run(`systemctl is-active ${unit}`)).stdout, 'inactive\n')
      }
    })

    promise('two clones with databases of their own have different keys', async () => {
      using golden = Tree.of(image)
      sealImage(golden, databaseFlags())
      using firstTree = golden.clone()
      using secondTree = golden.clone()
      await using first = await Machine.boot(firstTree)
      await using second = await Machine.boot(secondTree)
      for (const machine of [first, second]) {
        // OSSIM's own preparation of the database comes at the first boot, too.
        await sql(machine, createDatabase, '')
        await untilSetUp(machine)
        assert.equal(await keyOf(machine), await rowOf(machine))
      }
      assert.notEqual(await keyOf(first), await keyOf(second))
    })

    promise('a first boot that needs a human is failed no more when one has decided', async () => {
      using golden = Tree.of(image)
      sealImage(golden, databaseFlags())
      using tree = golden.clone()
      // A copy from elsewhere: the image's own key went with the seal.
      tree.write(keyFile, keyFileText(keyA), 0o400)
      await using machine = await Machine.boot(tree)
      const config = 'CREATE TABLE alienvault.config (conf VARCHAR(255) NOT NULL PRIMARY KEY, value TEXT)'
      const row = `INSERT INTO alienvault.config VALUES ('encryption_key', '${keyB}')`
      // The account comes last: nobody claims the row before it is there.
      await sql(machine, `CREATE DATABASE alienvault; ${config}; ${row}; ${createDatabase}`, '')
      const stateOf = async (what: string) => (await machine.run(`systemctl ${what}`)).stdout.trim()
      await until('the first boot has given up', async () => {
        const result = await machine.run('frameworkd-setup status --output json')
        const isFailed = (await stateOf('is-failed frameworkd-first-boot')) === 'failed'
        return isFailed && JSON.parse(result.stdout).error?.code === 'key-conflict'
      })
      await until('the boot is over', async () => (await stateOf('is-system-running')) === 'degraded')
      await machine.output(`${setup} --adopt database`)
      await untilServing(machine)
      assert.equal(await keyOf(machine), keyB)
      assert.notEqual(await stateOf('is-failed frameworkd-first-boot'), 'failed')
      await until('the system is whole', async () => (await stateOf('is-system-running')) === 'running')

      const pid = await machine.output('systemctl show -P MainPID frameworkd')
      assert.equal((await machine.run('frameworkd stop')).stdout, `frameworkd, pid ${pid.trim()}, has stopped\n`)
      assert.equal((await machine.run('frameworkd stop')).stdout, 'frameworkd is not running\n')
    })

    promise('a clone without a database boots all the same, says what it waits for, and heals', async (context) => {
      using golden = Tree.of(image)
      sealImage(golden, databaseFlags())
      using tree = golden.clone()
      runInside(tree, `systemctl disable ${databaseUnits}`)
      // The account is there before anybody can connect.
      tree.write('/etc/mysql/mariadb.conf.d/99-init.cnf', '[mariadb]\ninit_file=/etc/mysql/create.sql\n')
      tree.write('/etc/mysql/create.sql', `${createDatabase.replaceAll('; ', ';\n')};\n`)
      await using machine = await Machine.boot(tree)
      await until('status tells what the first boot waits for', async () => {
        const { code, stdout } = await machine.run('frameworkd-setup status')
        return code === 75 && /waiting/.test(stdout) && stdout.includes('127.0.0.1')
      })
      assert.match(await machine.output('systemctl is-active multi-user.target'), /^active$/)
      context.diagnostic(await bootFigure(machine))
      // A run of somebody else's beside it, as of a play.
      const beside = machine.run('frameworkd-setup --non-interactive --no-color --wait-for-db 100 --wait-for-lock 100')
      await machine.output('systemctl start mariadb')
      const { code, stderr } = await beside
      assert.equal(code, 0, stderr)
      await untilSetUp(machine)
    })
  })
}

/** What a builder of images does: package, one apply for an image, seal. */
function sealImage(tree: Tree, flags: string): void {
  tree.write('/root/db-password', `${password}\n`, 0o600)
  installInside(tree)
  runInside(tree, `frameworkd-setup --non-interactive --no-color --for-image ${flags}`)
  runInside(tree, 'frameworkd-setup seal --non-interactive --no-color')
  runInside(tree, `test ! -e ${keyFile} && test ! -s /etc/machine-id`)
}

function machineId(machine: Machine): Promise<string> {
  return machine.output('cat /etc/machine-id')
}
