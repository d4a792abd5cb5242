/**
 * `npm run bench`: the one place for figures. Everything is measured in this run, on this machine,
 * and told as ratios; a time of one machine says nothing of another's.
 */
import { arch, cpus, release } from 'node:os'
import { InstalledPackage } from '../test/support/installed-package.ts'
import { convergedMachines } from './converged.ts'
import { figuresOf, table } from './figures.ts'
import { measure, type Subject } from './processes.ts'

const rounds = 30

using installed = new InstalledPackage()
await using resources = new AsyncDisposableStack()
const skipped: string[] = []
const machines = await convergedMachines(resources, (what) => skipped.push(what))

const node = process.execPath
const bareNode: Subject = { name: 'node -e 0', command: [node, '-e', '0'] }
const subjects: Subject[] = [
  bareNode,
  { name: 'frameworkd --version', command: [node, installed.program('frameworkd'), '--version'] },
  ...machines.map(
    ({ store, root }): Subject => ({
      name: `frameworkd-setup, converged, ${store}`,
      command: [node, installed.program('frameworkd-setup'), '--non-interactive', '--root', root],
    }),
  ),
]
const samples = measure(subjects, rounds)
const figures = subjects.map((subject) => ({ subject, ...figuresOf(samples.get(subject) ?? []) }))
const unit = figures.find(({ subject }) => subject === bareNode)?.median ?? Number.NaN

const processors = cpus()
console.log(`
Node ${process.versions.node}, ${arch()}, Linux ${release()}, ${processors.length} x ${processors[0]?.model.trim()}
${rounds} runs each, in turns, after one to warm up; milliseconds of whole processes; ratios of medians

${table(
  ['', 'minimum', 'median', 'maximum', `of ${bareNode.name}`],
  figures.map(({ subject, minimum, median, maximum }) => [
    subject.name,
    ...[minimum, median, maximum].map((ms) => ms.toFixed(1)),
    (median / unit).toFixed(2),
  ]),
)}
${skipped.map((what) => `skipped: ${what}\n`).join('')}`)
