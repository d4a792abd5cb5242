/** `frameworkd-setup key rotate`: show what would be encrypted anew, ask, replace the key, look for late values. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../errors.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import { requireRights } from '../../host/preconditions.ts'
import type { PlaceSurvey } from '../../keycheck/survey-values.ts'
import { paths } from '../../paths.ts'
import { loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { requireStore } from '../../settings/require-store.ts'
import { lockSetup } from '../../setup/lock-setup.ts'
import { asksForOffline, Machine } from '../../setup/machine.ts'
import { finishRotation, isInterrupted, planRotation, type Rotation, rotateKey } from '../../setup/rotation.ts'
import { ServiceRestarts } from '../../setup/service/restarts.ts'
import { encryptLateValues } from '../../setup/tasks/stored-values.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { SetupFlags } from './request.ts'
import { concludeRun, runAndReport, type Show } from './run-and-report.ts'

/** When it is looked again for values that a writer has left under the old key, in seconds after the commit. */
const secondLooks = [1, 5, 60]

/** @returns the exit code */
export async function rotate(flags: SetupFlags, request: SettingsRequest, show: Show): Promise<number> {
  const signal = listenForInterrupts()
  const { host } = request
  const check = flags.isSet('check')
  if (!check) requireRights(host, 'key rotate')
  const offline = asksForOffline(process.env)
  const work = { adopt: undefined, settingsFile: request.configFile ?? paths.settings, check }
  await using machine = new Machine(
    host,
    loadSettings(request),
    { ...work, ignoredPreflight: [], forImage: false, offline },
    signal,
  )
  requireStore(machine.settings)
  using lock = check ? undefined : lockSetup(machine)
  if (!check && !lock) throw notReady()
  const options = { check, signal, restarts: new ServiceRestarts(machine) }
  if (await isInterrupted(machine)) {
    return concludeRun(await runAndReport([finishRotation], machine, options, show), show)
  }
  const rotation: Rotation = {
    machine,
    leaveUndecryptable: flags.isSet('leave-undecryptable'),
    source: flags.text('key-source') === 'system-id' ? 'system-id' : 'random',
  }
  const seen = show.format === 'text' ? await planRotation(rotation) : undefined
  if (seen) standardOutput.write(tableOf(seen.survey))
  if (!check) await requireConsent(flags, show, signal)
  const code = concludeRun(await runAndReport([rotateKey(rotation, seen)], machine, options, show), show)
  if (code !== 0 || check || flags.isSet('no-second-look')) return code
  await lookAgain(machine, signal)
  return code
}

/** What destroys asks first; where nobody can be asked, `--yes` has to say it. */
async function requireConsent(flags: SetupFlags, show: Show, signal: AbortSignal): Promise<void> {
  if (flags.isSet('yes')) return
  const isAsked =
    !flags.isSet('non-interactive') && show.format === 'text' && process.stdin.isTTY && standardOutput.terminal
  if (!isAsked) {
    const hint = 'look at what it would do with --check, then give --yes'
    throw new KnownError('usage', 'the key is replaced only with consent, and nobody can be asked here', hint)
  }
  const { openTerminal } = await import('../wizard/open-terminal.ts')
  const terminal = await openTerminal(signal, show.color)
  const choices = [
    { value: false, name: 'Keep the key' },
    { value: true, name: 'Replace it' },
  ]
  if (await terminal.choose('Replace the encryption key?', choices)) return
  throw new KnownError('interrupted', 'stopped, nothing was changed', '')
}

/**
 * A writer that has read the old key may write with it after the commit. Whoever stops waiting loses nothing: the
 * next apply finds such values too.
 */
async function lookAgain(machine: Machine, signal: AbortSignal): Promise<void> {
  standardError.write(
    `looking for values of late writers until ${secondLooks.at(-1)} s from now; Ctrl-C leaves them to the next apply\n`,
  )
  let waited = 0
  for (const seconds of secondLooks) {
    await sleep((seconds - waited) * 1000, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    waited = seconds
    const count = await encryptLateValues(machine)
    if (count > 0) standardError.write(`${count} ${count === 1 ? 'value' : 'values'} of late writers encrypted anew\n`)
  }
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

function notReady(): KnownError {
  return new KnownError('preflight', 'this machine is not ready for it', 'see what is wrong: frameworkd-setup check')
}
