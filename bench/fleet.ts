/**
 * What a fleet asks of its database: what one machine costs the server, by the server's own counters, and a thousand
 * machines that boot for the first time, each a whole process on a root of its own, so many at once, over TCP.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '../test/support/daemon.ts'
import { type MariaDb, query, startMariaDb } from '../test/support/mariadb.ts'
import { Sandbox } from '../test/support/sandbox.ts'
import { table } from './figures.ts'
import { runBeside, type Subject } from './processes.ts'

interface Fleet {
  machines: number
  /** So many processes at a time, the next one as soon as one has ended. */
  atOnce: number
  /** The server's max_connections. */
  places: number
}

const fleets: readonly Fleet[] = [
  { machines: 1000, atOnce: 20, places: 300 },
  { machines: 1000, atOnce: 100, places: 300 },
  // Fewer places than comers: the others are refused with 1040, and come again.
  { machines: 1000, atOnce: 100, places: 10 },
]

/** So many of each kind, for what one of them costs. */
const count = 20
/** As long as it takes: of a first boot that gives up after two minutes systemd makes another one. */
const waitSeconds = 1800

/** How often a daemon looks here. */
const lookEverySeconds = 1

/** Counters of the server (SHOW GLOBAL STATUS). */
const counters = [
  'Questions',
  'Connections',
  'Bytes_received',
  'Bytes_sent',
  'Connection_errors_max_connections',
  'Innodb_row_lock_waits',
  'Max_used_connections',
] as const
/** These, and the milliseconds of processor time that its process has used. */
type Spent = Record<(typeof counters)[number] | 'cpuMs', number>

/** @param setup the command, without arguments */
export async function fleetTables(setup: Subject['command']): Promise<string> {
  const rows: string[][] = []
  for (const fleet of fleets) rows.push(await measureFleet(setup, fleet))
  const columns = ['seconds', 'a second', 'ms of the server each', 'most connections', 'refused', 'lock waits', 'keys']
  const fleetTable = table(['first boots, at once, max_connections', ...columns], rows)
  return `${await costTable(setup)}\n\n${fleetTable}`
}

/** What one of each costs the server. */
async function costTable(setup: Subject['command']): Promise<string> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startMariaDb())
  const database = stack.use(await Sandbox.create('mysql', { server }))
  const roots = await makeRoots(stack, count)
  const run = async () => {
    for (const root of roots) await runBeside(setUp(setup, root, database))
  }
  const kinds: [string, number, Spent][] = [
    ['first boot of the first machine', 1, await spentBy(server, () => runBeside(setUp(setup, database, database)))],
    ['first boot of the others', count, await spentBy(server, run)],
    ['run that changes nothing', count, await spentBy(server, run)],
    ['look of a daemon (drift-every)', ...(await watchDaemon(server, database))],
  ]
  const rows = kinds.map(([name, times, spent]) => {
    const each = (counter: keyof Spent, digits = 0) => (spent[counter] / times).toFixed(digits)
    return [
      name,
      each('Connections', 1),
      each('Questions', 1),
      each('Bytes_received'),
      each('Bytes_sent'),
      each('cpuMs', 1),
    ]
  })
  return table(['of the server', 'connections', 'statements', 'bytes in', 'bytes out', 'ms of processor'], rows)
}

/** @returns how often the daemon has looked, each time with a connection of its own, and what all that cost */
async function watchDaemon(server: MariaDb, sandbox: Sandbox): Promise<[looks: number, Spent]> {
  const settings = '/etc/frameworkd/frameworkd.ini'
  sandbox.write(settings, `${sandbox.read(settings)}drift-every = ${lookEverySeconds}\n`)
  using _daemon = await serve(sandbox)
  const spent = await spentBy(server, () => sleep(count * lookEverySeconds * 1000))
  return [spent.Connections, spent]
}

async function measureFleet(setup: Subject['command'], { machines, atOnce, places }: Fleet): Promise<string[]> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startMariaDb(`--max-connections=${places}`))
  const database = stack.use(await Sandbox.create('mysql', { server }))
  const roots = await makeRoots(stack, machines)
  const begun = performance.now()
  const left = [...roots]
  const work = async () => {
    for (let root = left.pop(); root; root = left.pop()) {
      await runBeside([...setUp(setup, root, database), '--wait-for-db', String(waitSeconds)])
    }
  }
  // None is left behind where another one has failed.
  const all = () => Promise.allSettled(Array.from({ length: atOnce }, work)).then(requireAll)
  const spent = await spentBy(server, all)
  const seconds = (performance.now() - begun) / 1000
  const keys = new Set([await database.keyInRow(), ...roots.map((root) => root.keyInFile())])
  if (keys.size !== 1) throw new Error(`${machines} machines have ${keys.size} keys`)
  return [
    [machines, atOnce, places].map((number) => number.toLocaleString('en')).join(', '),
    seconds.toFixed(1),
    (machines / seconds).toFixed(1),
    (spent.cpuMs / machines).toFixed(2),
    String((await read(server)).Max_used_connections),
    String(spent.Connection_errors_max_connections),
    String(spent.Innodb_row_lock_waits),
    String(keys.size),
  ]
}

function requireAll(results: readonly PromiseSettledResult<unknown>[]): void {
  const failed = results.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

function setUp(setup: Subject['command'], root: Sandbox, database: Sandbox): readonly string[] {
  return [...setup, '--non-interactive', '--root', root.root, ...database.flags]
}

/** Machines without anything. */
async function makeRoots(stack: AsyncDisposableStack, number: number): Promise<Sandbox[]> {
  const roots: Sandbox[] = []
  for (let index = 0; index < number; index += 1) roots.push(stack.use(await Sandbox.create('sqlite')))
  return roots
}

/** @returns what the server did for some work, without what the asking itself costs */
async function spentBy(server: MariaDb, work: () => Promise<unknown>): Promise<Spent> {
  const first = await read(server)
  const before = await read(server)
  await work()
  const after = await read(server)
  const names = Object.keys(after) as (keyof Spent)[]
  const spent = names.map((name) => [name, after[name] - before[name] - (before[name] - first[name])])
  return Object.fromEntries(spent) as Spent
}

async function read(server: MariaDb): Promise<Spent> {
  const names = counters.map((name) => `'${name}'`).join(', ')
  const rows = await query(server.socket, undefined, `SHOW GLOBAL STATUS WHERE Variable_name IN (${names})`)
  const values = Object.fromEntries(rows.map(([name, value]) => [name, Number(value)]))
  return { ...values, cpuMs: processorMs(server.pid) } as Spent
}

/** Processor time of a process so far: utime and stime of proc_pid_stat(5), in hundredths of a second. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
