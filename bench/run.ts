/**
 * `npm run bench`: the one place for figures. Everything is measured in this run, on this machine,
 * and told as ratios; a time of one machine says nothing of another's. `--install` first installs
 * the programs that it is compared with (Debian packages, as root).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { arch, cpus, loadavg, release } from 'node:os'
import { parseArgs } from 'node:util'
import { InstalledPackage } from '../test/support/installed-package.ts'
import { password, Sandbox, socketOfRun } from '../test/support/sandbox.ts'
import { convergedMachines } from './converged.ts'
import { sizesTable, unpackExecutables } from './executable.ts'
import { figuresOf, table } from './figures.ts'
import { fleetTables } from './fleet.ts'
import { growthTables } from './growth.ts'
import { findPeers, installPeers } from './peers.ts'
import { measure, peakMegabytes, type Subject } from './processes.ts'
import { rotationTable } from './rotation.ts'
import { sealingTable } from './sealing.ts'

const rounds = 30
const memoryRounds = 5

const { values: flags } = parseArgs({ options: { install: { type: 'boolean' } } })
if (flags.install) installPeers()

using installed = new InstalledPackage()
process.env.TEST_PROGRAMS = installed.folder
await using resources = new AsyncDisposableStack()
const skipped: string[] = []
const skip = (what: string) => void skipped.push(what)
const machines = await convergedMachines(resources, skip)
const onSocket = machines.find(({ store }) => store === 'MariaDB, socket')?.sandbox

const node = process.execPath
const setup: Subject['command'] = [node, installed.program('frameworkd-setup')]
const bareNode: Subject = { name: 'node -e 0', command: [node, '-e', '0'] }
const converged = machines.map(
  ({ store, sandbox }): Subject => ({
    name: `converged, ${store}`,
    command: [...setup, '--non-interactive', '--root', sandbox.root],
  }),
)
const peers = onSocket
  ? findPeers({ root: onSocket.root, socket: socketOfRun(), database: onSocket.database, password }, skip)
  : []
const subjects = [bareNode, ...ours(), ...peers]

console.log(machine())
const samples = await measure(subjects, rounds)
console.log(`\n${timesTable()}\n\n${memoryTable()}`)
const sizes = sizesTable()
if (sizes !== undefined) console.log(`\n${sizes}`)
console.log(`\n${await sealingTable(setup)}`)
if (onSocket) {
  console.log(`\n${await growthTables(setup)}\n\n${await rotationTable(setup)}`)
  console.log(`\n${await fleetTables(setup)}`)
}
console.log(`\n${skipped.map((what) => `skipped: ${what}\n`).join('')}`)
process.exitCode = spawnSync(node, ['bench/daemon.ts'], { stdio: 'inherit' }).status ?? 1

function ours(): Subject[] {
  const executables = unpackExecutables(resources, skip)
  const root = (onSocket ?? machines[0]?.sandbox)?.root ?? ''
  const first = onSocket ? 'mysql' : 'sqlite'
  return [
    { name: 'frameworkd --version', command: [node, installed.program('frameworkd'), '--version'] },
    { name: 'frameworkd-setup --version', command: [...setup, '--version'] },
    { name: 'frameworkd-setup --help', command: [...setup, '--help'] },
    ...converged,
    ...executables.flatMap(({ kind, setup }): Subject[] => [
      { name: `${kind}_*.deb, --version`, command: [setup, '--version'] },
      ...machines.map(
        ({ store, sandbox }): Subject => ({
          name: `${kind}_*.deb, converged, ${store}`,
          command: [setup, '--non-interactive', '--root', sandbox.root],
        }),
      ),
    ]),
    { name: 'check mode, converged', command: [...setup, '--non-interactive', '--check', '--root', root] },
    {
      name: `first run, ${onSocket ? 'MariaDB, socket' : 'SQLite'}`,
      command: [...setup, '--non-interactive'],
      async prepare() {
        const fresh = resources.use(await Sandbox.create(first, { socket: true }))
        return ['--root', fresh.root, ...fresh.flags]
      },
    },
  ]
}

function timesTable(): string {
  const figures = subjects.map((subject) => ({ subject, ...figuresOf(samples.get(subject) ?? []) }))
  const compared = figures.filter(({ subject }) => subject === bareNode || peers.includes(subject))
  return table(
    ['whole processes, ms', 'minimum', 'median', 'maximum', ...compared.map(({ subject }) => `of ${subject.name}`)],
    figures.map(({ subject, minimum, median, maximum }) => [
      subject.name,
      ...[minimum, median, maximum].map((ms) => ms.toFixed(1)),
      ...compared.map((other) => ratio(median, other.median)),
    ]),
  )
}

/** Two digits behind the point, and three where that would say nothing. */
function ratio(one: number, other: number): string {
  return (one / other).toFixed(one < other / 10 ? 3 : 2)
}

function memoryTable(): string {
  const figures = [bareNode, ...converged].map((subject) => ({
    name: subject.name,
    ...figuresOf(Array.from({ length: memoryRounds }, () => peakMegabytes(subject))),
  }))
  return table(
    ['peak memory, MB', 'minimum', 'median', 'maximum', `of ${bareNode.name}`],
    figures.map(({ name, minimum, median, maximum }) => [
      name,
      ...[minimum, median, maximum].map((megabytes) => megabytes.toFixed(1)),
      (median / (figures[0]?.median ?? Number.NaN)).toFixed(2),
    ]),
  )
}

function machine(): string {
  const [processor, ...others] = cpus()
  const system = `${arch()}, Linux ${release()}, ${others.length + 1} x ${processor?.model.trim()}, load ${loadavg()[0]?.toFixed(1)}`
  return `${system}
${[`Node ${process.versions.node}`, ...peers.map(versionOf)].join(', ')}
${rounds} runs each (a sixth of that where one takes seconds), in turns, after one to warm up; ratios are of medians`
}

function versionOf({ name, command: [file] }: Subject): string {
  const text = execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return `${name} ${/\d+(\.\d+)+/.exec(text)?.[0] ?? 'of unknown version'}`
}
