/** The collection on machines that really boot, by ssh: the whole play, again, broken in each way, a rotation, drift. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { figuresOf } from '../../bench/figures.ts'
import { Ansible, type Play } from '../support/ansible/ansible.ts'
import { isLong } from '../support/extent.ts'
import { createDatabase, keyFile, keyOf, packageFile, password, rowOf, sql } from '../system/support/appliance.ts'
import { Bridge } from '../system/support/bridge.ts'
import { Machine } from '../system/support/machine.ts'
import { Tree } from '../system/support/tree.ts'

const count = isLong ? 20 : 4
/** Ours, and the database's, in the network of the machines. */
const [ourHost, databaseHost] = [254, 253]
const limit = { timeout: 900_000 }
/**
 * Services of the image that no machine of the play needs. All containers of one kernel share root's instances of inotify,
 * 128 where nobody has raised fs.inotify.max_user_instances: systemd takes five, logind and a getty one more each.
 */
const notNeeded = ['mariadb.service', 'monit.service', 'systemd-logind.service', 'console-getty.service']

let resources: AsyncDisposableStack
let bridge: Bridge
let database: Machine
let ansible: Ansible
const machines = new Map<string, Machine>()

function boot(tree: Tree, host: number): Promise<Machine> {
  return Machine.boot(tree, { network: { bridge, address: bridge.address(host) } })
}

/** @param more variables of single machines */
function inventory(more: Readonly<Record<string, object>> = {}): string {
  const hosts = [...machines.keys()].map((name, index) => [
    name,
    { ansible_host: bridge.address(index + 1), ...more[name] },
  ])
  const vars = {
    ansible_user: 'root',
    ansible_ssh_private_key_file: join(ansible.folder, 'identity'),
    ansible_ssh_common_args: `-o UserKnownHostsFile=/dev/null -o ControlPath=${ansible.folder}/%C`,
    frameworkd_package: packageFile(),
    // The first is nobody's: it is left for the second.
    frameworkd_db_hosts: [bridge.address(252), bridge.address(databaseHost)],
    frameworkd_db_user: 'ossim',
    frameworkd_db_password: password,
    frameworkd_create_schema: true,
    frameworkd_settings: { 'drift-every': '30' },
  }
  return ansible.write('inventory.json', { ossim: { hosts: Object.fromEntries(hosts), vars } })
}

const play = (name: string, args: readonly string[] = [], hosts = inventory()) =>
  ansible.play(hosts, join(ansible.folder, 'ansible_collections/frameworkd/ossim/playbooks', `${name}.yml`), args)

const each = <T>(look: (machine: Machine) => Promise<T>) => Promise.all([...machines.values()].map(look))

function assertAllWell({ stats, stdout }: Play): void {
  for (const [name, { failures, unreachable }] of Object.entries(stats))
    assert.deepEqual({ failures, unreachable }, { failures: 0, unreachable: 0 }, `${name}: ${stdout}`)
  assert.equal(Object.keys(stats).length, count)
}

const changed = ({ stats }: Play) => Object.values(stats).map((one) => one.changed > 0)

/** Every file that is not the system's own book-keeping, with its time, size, mode and owner. */
function filesOf(machine: Machine): Promise<string> {
  return machine.output(
    "find /etc /root /usr /var/lib -xdev -path /var/lib/systemd -prune -o -printf '%p %T@ %s %m %U:%G %l\\n' | sort",
  )
}

/** The memory of the processes of a machine, each shared page counted in parts (proc_pid_smaps(5)). */
async function megabytesOf(machine: Machine, unit?: string): Promise<number> {
  const pids = unit === undefined ? '[0-9]*' : await machine.output(`systemctl show -P MainPID ${unit}`)
  const rollups = await machine.run(`cat /proc/${pids}/smaps_rollup 2> /dev/null`)
  const kilobytes = [...rollups.stdout.matchAll(/^Pss: +(\d+) kB$/gm)].map(([, text]) => Number(text))
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024
}

/** @returns what the work returned; how long it took is told */
async function timed<T>(context: TestContext, what: string, work: () => Promise<T>): Promise<T> {
  const begun = performance.now()
  const result = await work()
  context.diagnostic(`${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return result
}

describe('the collection', () => {
  before(async () => {
    resources = new AsyncDisposableStack()
    bridge = resources.use(new Bridge(7))
    bridge.join(ourHost)
    ansible = resources.use(new Ansible())
    const identity = join(ansible.folder, 'identity')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity])
    const databaseTree = resources.use(Tree.of('fleet'))
    databaseTree.write('/etc/mysql/mariadb.conf.d/99-test.cnf', '[mariadbd]\nbind-address = 0.0.0.0\n')
    database = resources.use(await boot(databaseTree, databaseHost))
    await sql(
      database,
      `${createDatabase}; CREATE USER weak@'%' IDENTIFIED BY 'weak'; GRANT SELECT ON alienvault.* TO weak@'%'`,
      '',
    )
    const trees = Array.from({ length: count }, () => {
      const tree = resources.use(Tree.of('fleet'))
      tree.write('/root/.ssh/authorized_keys', readFileSync(`${identity}.pub`, 'utf8'), 0o600)
      execFileSync('systemctl', ['--root', tree.root, 'mask', '--quiet', ...notNeeded])
      return tree
    })
    const booted = await Promise.all(trees.map((tree, index) => boot(tree, index + 1)))
    for (const [index, machine] of booted.entries()) machines.set(`ossim${index + 1}`, resources.use(machine))
  }, limit)
  after(() => resources.disposeAsync(), limit)

  const promise = (title: string, prove: (context: TestContext) => Promise<void>) =>
    test(`${count} machines: ${title}`, limit, prove)

  promise('in check mode the play says that it would change every machine, and changes none', async (context) => {
    const before = await each(filesOf)
    const check = await timed(context, 'check mode', () => play('site', ['--check', '--diff']))
    assertAllWell(check)
    assert.ok(changed(check).every(Boolean))
    assert.deepEqual(await each(filesOf), before)
    await each(async (machine) => assert.equal((await machine.run(`test -e /etc/frameworkd -o -e ${keyFile}`)).code, 1))
  })

  promise('the first play sets every machine up with one key, the second changes nothing', async (context) => {
    const first = await timed(context, 'first play', () => play('site'))
    assertAllWell(first)
    assert.ok(changed(first).every(Boolean))
    const key = await rowOf(database)
    assert.deepEqual(new Set(await each(keyOf)), new Set([key]))
    await each(async (machine) => assert.equal(await machine.output('frameworkd ping'), 'pong'))
    await each(async (machine) =>
      assert.match(await machine.output('cat /etc/frameworkd/frameworkd.ini'), /^drift-every = 30$/m),
    )
    const second = await timed(context, 'second play', () => play('site'))
    assertAllWell(second)
    assert.deepEqual([...new Set(changed(second))], [false], second.stdout)
    const figures = await each(async (machine) => [
      await megabytesOf(machine),
      await megabytesOf(machine, 'frameworkd'),
    ])
    const [all, ours] = [0, 1].map((column) => figuresOf(figures.map((row) => row[column] ?? 0)).median.toFixed(1))
    context.diagnostic(`MB of each machine, median: ${all}, of which the daemon ${ours}`)
  })

  promise('in check mode a second play finds nothing to change, and changes nothing', async (context) => {
    const before = await each(filesOf)
    const check = await timed(context, 'check mode, set up', () => play('site', ['--check', '--diff']))
    assertAllWell(check)
    assert.deepEqual([...new Set(changed(check))], [false], check.stdout)
    assert.deepEqual(await each(filesOf), before)
  })

  promise('a machine that is broken fails with its hint, in each way, and leaves the others', async () => {
    const [conflict] = machines.values()
    const key = await keyOf(conflict as Machine)
    await conflict?.output(`sed -i s/^key=.*/key=AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111/ ${keyFile}`)
    const broken = {
      ossim2: { frameworkd_db_hosts: [bridge.address(252)], frameworkd_wait_for_db: 0 },
      ossim3: { frameworkd_db_user: 'weak', frameworkd_db_password: 'weak' },
    }
    const run = await play('site', ['--tags', 'setup'], inventory(broken))
    const results = run.results('Machine is set up')
    const codes = ['ossim1', 'ossim2', 'ossim3'].map((name) => [results[name]?.rc, results[name]?.error_code])
    assert.deepEqual(codes, [
      [3, 'key-conflict'],
      [75, 'database-unreachable'],
      [2, 'database-refused'],
    ])
    for (const name of ['ossim1', 'ossim2', 'ossim3']) assert.match(String(results[name]?.msg), /; hint: \S/)
    const failed = Object.entries(run.stats).filter(([, { failures }]) => failures > 0)
    assert.deepEqual(failed.map(([name]) => name).sort(), ['ossim1', 'ossim2', 'ossim3'])
    await conflict?.output(`sed -i s/^key=.*/key=${key}/ ${keyFile}`)
    assertAllWell(await play('site'))
  })

  promise('a rotation happens once, and every machine is brought forward', async (context) => {
    const before = await rowOf(database)
    const args = ['-e', JSON.stringify({ frameworkd_no_backup: true, frameworkd_second_look: false })]
    const rotation = await timed(context, 'rotation', () => play('rotate', args))
    assertAllWell(rotation)
    assert.equal(Object.keys(rotation.results('Key is replaced, once')).length, 1)
    const key = await rowOf(database)
    assert.notEqual(key, before)
    assert.deepEqual(new Set(await each(keyOf)), new Set([key]))
  })

  promise('drift is seen where it is, and nowhere else', async () => {
    assertAllWell(await play('drift'))
    const [first] = machines.values()
    await first?.output('chmod 0600 /etc/logrotate.d/frameworkd && echo "# changed" >> /etc/logrotate.d/frameworkd')
    const { stats } = await play('drift')
    const failed = Object.entries(stats).filter(([, { failures }]) => failures > 0)
    assert.deepEqual(
      failed.map(([name]) => name),
      ['ossim1'],
    )
  })
})
