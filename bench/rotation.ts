/** A rotation of many values, beside one statement of the server's own client that does the same to them. */
import { keyA, keyB, keyFileText, keyPath, Sandbox, socketOfRun } from '../test/support/sandbox.ts'
import { figuresOf, table } from './figures.ts'
import { measure, peakMegabytes, type Subject } from './processes.ts'

const rounds = 3
const valueCounts = [10, 1000, 100_000]

/** @param setup the command, without arguments */
export async function rotationTable(setup: Subject['command']): Promise<string> {
  await using stack = new AsyncDisposableStack()
  const rows: string[][] = []
  for (const count of valueCounts) {
    const sandbox = stack.use(await Sandbox.create('mysql', { socket: true }))
    sandbox.write(keyPath, keyFileText(keyA), 0o400)
    await sandbox.setRow('encryption_key', keyA)
    await sandbox.sql(
      `INSERT INTO config SELECT CONCAT(seq, '_pass'), AES_ENCRYPT(CONCAT('secret ', seq), ?)
      FROM seq_1_to_${count}`,
      [keyA],
    )
    // What the client changes, again and again, is a table of its own.
    await sandbox.sql('CREATE TABLE plain_loop LIKE config')
    await sandbox.sql('INSERT INTO plain_loop SELECT * FROM config')
    const [{ code, stderr }] = [await sandbox.setup()]
    if (code !== 0) throw new Error(stderr)
    const choices = ['--yes', '--no-backup', '--no-second-look', '--non-interactive']
    const ours: Subject = {
      name: 'key rotate',
      command: [...setup, 'key', 'rotate', ...choices, '--root', sandbox.root, ...sandbox.flags],
    }
    const loop = ['START TRANSACTION', updateSql(keyA, keyB), updateSql(keyB, keyA), 'COMMIT'].join('; ')
    const client: Subject = {
      name: 'client',
      command: ['mariadb', '--no-defaults', `--socket=${socketOfRun()}`, sandbox.database, '-e', loop],
    }
    const samples = await measure([ours, client], rounds)
    const [median, there] = [ours, client].map((subject) => figuresOf(samples.get(subject) ?? []).median)
    rows.push([
      count.toLocaleString('en'),
      (Number(median) / 1000).toFixed(2),
      // It encrypts everything twice, to be where it began.
      (Number(there) / 2000).toFixed(2),
      peakMegabytes(ours).toFixed(0),
    ])
  }
  return table(['values', 'key rotate, s', 'one UPDATE in the client, s', 'peak MB'], rows)
}

/** As an administrator would write it: the keys stand in the statement, and in the logs of the server. */
function updateSql(from: string, to: string): string {
  return `UPDATE plain_loop SET value = AES_ENCRYPT(AES_DECRYPT(value, '${from}'), '${to}') WHERE conf LIKE '%_pass'`
}
