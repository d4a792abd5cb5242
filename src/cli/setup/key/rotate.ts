/** `frameworkd-setup key rotate`: show what would be encrypted anew, ask, replace the key, look for late values. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../../errors.ts'
import { standardError, standardOutput } from '../../../host/output/output.ts'
import type { Key } from '../../../key/key.ts'
import { compareSealedKey } from '../../../key/sealed-key-decision.ts'
import { inspectKey } from '../../../keycheck/inspect.ts'
import { explainComparison } from '../../../keycheck/sealed-refusal.ts'
import { countIn, type PlaceSurvey } from '../../../keycheck/survey-values.ts'
import { encryptLateValues } from '../../../setup/late-values.ts'
import { lockInTime, lockSetup } from '../../../setup/lock-setup.ts'
import type { Machine } from '../../../setup/machine.ts'
import { finishRotation, isInterrupted, planRotation, type Rotation, rotateKey } from '../../../setup/rotation.ts'
import { ServiceRestarts } from '../../../setup/service/restarts.ts'
import { exportCommand, setupCommand } from '../../../text/command-line.ts'
import { listenForInterrupts } from '../../interrupts.ts'
import { confirm, stoppedByPerson } from '../../wizard/terminal.ts'
import { backupAdvice, rowsBelow } from '../afterword.ts'
import { openTerminal, requireSomebodyToAsk } from '../ask.ts'
import { readShow, type SetupFlags } from '../request.ts'
import { concludeRun, type RunPresentation, runAndReport } from '../run-and-report.ts'
import { sayWaiting } from '../waiting-line.ts'
import { type GivenKey, openGivenKey, openMachine } from './sealed.ts'

/** When it is looked again for values that a writer has left under the old key, in seconds after the commit. */
const secondLooks = [1, 5, 60]

/** So many take about a second. */
const manyValues = 10_000

/** @returns the exit code */
export async function rotate(flags: SetupFlags): Promise<number> {
  const signal = listenForInterrupts()
  const show = readShow(flags, 'key rotate')
  const check = flags.isSet('check')
  await using machine = openMachine(flags, { check, only: 'replace the key of', watch: show.slow.watch }, signal)
  const { root } = machine.host.tree
  // Before the lock: a person takes their time.
  const backup = await openBackup(flags, show, { check, root }, signal)
  using lock = check
    ? undefined
    : await sayWaiting(show.color, (tell) => lockInTime(machine, tell, () => lockSetup(machine)))
  if (!check && !lock) throw notReady(root)
  const options = { check, signal, restarts: new ServiceRestarts(machine) }
  if (await isInterrupted(machine)) {
    return concludeRun(await runAndReport([finishRotation], machine, options, show), show)
  }
  if (backup) await requireRightBackup(backup, machine)
  const rotation: Rotation = {
    machine,
    leaveUndecryptable: flags.isSet('leave-undecryptable'),
    source: readSource(flags.text('key-source')),
  }
  const isText = show.format === 'text'
  const seen = isText ? await planRotation(rotation) : undefined
  if (seen) standardOutput.write(tableOf(seen.survey))
  if (!check) await requireConsent(flags, show, signal)
  if (seen && !check) tellIfMany(seen.survey)
  const run = await runAndReport([rotateKey(rotation, seen)], machine, options, show)
  const code = concludeRun(run, show)
  if (code !== 0 || check) return code
  if (seen) standardOutput.write(await afterRotation(seen.key, run.document.key?.fingerprint, root))
  if (!flags.isSet('no-second-look')) await lookAgain(machine, signal)
  return code
}

/** @throws KnownError `usage` for `auto`, which would be the key that is replaced wherever it came from the system id */
function readSource(source = 'random'): Rotation['source'] {
  if (source === 'random' || source === 'system-id') return source
  throw new KnownError('usage', `--key-source: ${source} is not for key rotate`, 'choose one: random, or system-id')
}

/**
 * The sealed backup of the key that is to go; undefined where `--no-backup` says that there is to be none, and in
 * check mode without one.
 */
async function openBackup(
  flags: SetupFlags,
  show: RunPresentation,
  { check, root }: { check: boolean; root: string },
  signal: AbortSignal,
): Promise<GivenKey | undefined> {
  if (flags.isSet('backup') && flags.isSet('no-backup'))
    throw new KnownError('usage', '--backup and --no-backup: there is one, or there is none', 'leave one out')
  if (flags.isSet('backup')) return openGivenKey({ flags, show, signal }, 'backup')
  if (check || flags.isSet('no-backup')) return undefined
  const exporting = exportCommand(root)
  const hint = `make one with ${exporting} and name it with --backup FILE, or give --no-backup`
  throw new KnownError('usage', 'a sealed backup of the key is missing', hint)
}

/** @throws KnownError with exit code 3 where the backup is of another key */
async function requireRightBackup(backup: GivenKey, machine: Machine): Promise<void> {
  const { key } = backup
  const settings = await machine.settingsWithRows()
  const seen = await inspectKey(settings, machine.host, await machine.store(), [key])
  const problem = explainComparison(compareSealedKey(key, seen.file, seen.row, seen.proof), backup, seen)
  if (problem) throw problem
}

/** What destroys asks first; where nobody can be asked, `--yes` has to say it. */
async function requireConsent(flags: SetupFlags, show: RunPresentation, signal: AbortSignal): Promise<void> {
  if (flags.isSet('yes')) return
  requireSomebodyToAsk(flags, show, 'the key is replaced')
  const terminal = await openTerminal(signal, show.color)
  if (!(await confirm(terminal, 'Replace the encryption key?'))) throw stoppedByPerson()
}

/**
 * Looks for late values: a program that has read the old key may write with it after the commit. Nothing is lost when
 * this is interrupted: the next apply finds such values, too.
 */
async function lookAgain(machine: Machine, signal: AbortSignal): Promise<void> {
  standardError.write(`looking for late writers for ${secondLooks.at(-1)} s; Ctrl-C leaves that to the next run\n`)
  let waited = 0
  for (const seconds of secondLooks) {
    await sleep((seconds - waited) * 1000, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    waited = seconds
    const count = await encryptLateValues(machine).catch((error: unknown) => {
      // The rotation itself is done, and has been told of.
      if (!(error instanceof KnownError)) throw error
      standardError.write(
        `late writers cannot be looked for now: ${error.message}\nhint: ${setupCommand(machine.host.tree.root)} does so too\n`,
      )
      return 0
    })
    if (count > 0) standardError.write(`${count} ${count === 1 ? 'value' : 'values'} of late writers encrypted anew\n`)
  }
}

function afterRotation(old: Key, fingerprint: string | undefined, root: string): Promise<string> {
  return rowsBelow([
    ['key', fingerprint && `${fingerprint} (fingerprint)`],
    ['old', `${old.fingerprint}, kept beside the file: older backups of the database need it`],
    ['backup', backupAdvice(root)],
    ['others', `on every other machine of this database: ${setupCommand('/')}`],
  ])
}

/** A person who waits for seconds wants to know for what. */
function tellIfMany(survey: readonly PlaceSurvey[]): void {
  const count = countIn(survey, 'current') + countIn(survey, 'superseded')
  if (count > manyValues) standardError.write(`encrypting ${count.toLocaleString('en')} values anew\n`)
}

/** `place  values  encrypted  plain  undecryptable`, a line a place. */
function tableOf(survey: readonly PlaceSurvey[]): string {
  const head = ['place', 'values', 'encrypted', 'plain', 'undecryptable']
  const rows = survey
    .filter(({ values }) => values > 0)
    .map(({ name, values, current, superseded, plain, undecryptable }) =>
      [name, values, current + superseded, plain, undecryptable.length].map(String),
    )
  if (rows.length === 0) return 'There are no stored values.\n'
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}\n`
  return `${[head, ...rows].map(line).join('')}\n`
}

function notReady(root: string): KnownError {
  return new KnownError(
    'preflight',
    'this machine is not ready for it',
    `see what is wrong: ${setupCommand(root, 'check')}`,
  )
}
