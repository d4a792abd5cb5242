/** What a run costs as the work grows: rows of table config, encrypted values, machines at once. */
import { query } from '../test/support/mariadb.ts'
import { keyA, keyFileText, keyPath, Sandbox, socketOfRun } from '../test/support/sandbox.ts'
import { putSocketInside } from './converged.ts'
import { figuresOf, table } from './figures.ts'
import { measure, runBeside, type Subject } from './processes.ts'

const rounds = 10
const rowCounts = [10, 1000, 10_000, 100_000]
const valueCounts = [0, 10, 1000, 100_000]
const machineCounts = [1, 10, 50, 200]

/** @param setup the command, without arguments */
export async function growthTables(setup: Subject['command']): Promise<string> {
  return [
    await grow(setup, 'rows in table config', rowCounts, addRows),
    await grow(setup, 'encrypted values', valueCounts, addValues),
    await growMachines(setup),
  ].join('\n\n')
}

/** A converged run for each size of the store, in turns. */
async function grow(
  setup: Subject['command'],
  what: string,
  sizes: readonly number[],
  add: (sandbox: Sandbox, count: number) => Promise<void>,
): Promise<string> {
  await using stack = new AsyncDisposableStack()
  const subjects: Subject[] = []
  for (const size of sizes) {
    const sandbox = stack.use(await Sandbox.create('mysql', { socket: true }))
    putSocketInside(sandbox)
    sandbox.write(keyPath, keyFileText(keyA), 0o400)
    await sandbox.setRow('encryption_key', keyA)
    await add(sandbox, size)
    const { code, stderr } = await sandbox.setup()
    if (code !== 0) throw new Error(stderr)
    subjects.push({ name: String(size), command: [...setup, '--non-interactive', '--root', sandbox.root] })
  }
  const samples = await measure(subjects, rounds)
  const figures = subjects.map((subject) => ({ subject, ...figuresOf(samples.get(subject) ?? []) }))
  const rows = figures.map(({ subject, minimum, median, maximum }) => [
    Number(subject.name).toLocaleString('en'),
    ...[minimum, median, maximum].map((ms) => ms.toFixed(1)),
    (median / (figures[0]?.median ?? Number.NaN)).toFixed(2),
  ])
  return table([what, 'minimum ms', 'median ms', 'maximum ms', 'of the smallest'], rows)
}

async function addRows(sandbox: Sandbox, count: number): Promise<void> {
  await sandbox.sql(`INSERT INTO config SELECT CONCAT('row_', seq), 'value' FROM seq_1_to_${count}`)
}

async function addValues(sandbox: Sandbox, count: number): Promise<void> {
  if (count === 0) return
  await sandbox.sql(`INSERT INTO config SELECT CONCAT(seq, '_pass'), AES_ENCRYPT(seq, ?) FROM seq_1_to_${count}`, [
    keyA,
  ])
}

/** Machines that know nothing of each other, all set up for the first time on one database at once. */
async function growMachines(setup: Subject['command']): Promise<string> {
  const rows: string[][] = []
  for (const count of machineCounts) {
    await using stack = new AsyncDisposableStack()
    const database = stack.use(await Sandbox.create('mysql', { socket: true }))
    const machines: Sandbox[] = []
    for (let index = 0; index < count; index += 1) machines.push(stack.use(await Sandbox.create('sqlite')))
    const before = await statements()
    const begun = performance.now()
    await Promise.all(
      machines.map((machine) => runBeside([...setup, '--non-interactive', '--root', machine.root, ...database.flags])),
    )
    const seconds = (performance.now() - begun) / 1000
    const each = ((await statements()) - before) / count
    const keys = new Set([await database.keyInRow(), ...machines.map((machine) => machine.keyInFile())])
    if (keys.size !== 1) throw new Error(`${count} machines have ${keys.size} keys`)
    rows.push([
      String(count),
      seconds.toFixed(2),
      ((seconds / count) * 1000).toFixed(0),
      each.toFixed(1),
      String(keys.size),
    ])
  }
  return table(['machines at once, first run', 'seconds', 'ms each', 'statements each', 'keys'], rows)
}

/** Statements that clients have sent to the server so far, but for those that ask. */
async function statements(): Promise<number> {
  const [[, count] = []] = await query(socketOfRun(), undefined, "SHOW GLOBAL STATUS LIKE 'Questions'")
  return Number(count) - 1
}
