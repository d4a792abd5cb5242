/** `frameworkd-setup apply` and `check`: ask where something is missing, wait, lock, run, keep the result. */
import type { RunOptions } from '../../engine/run-tasks.ts'
import { isAlwaysRun } from '../../engine/select.ts'
import { KnownError } from '../../errors.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import { openHost } from '../../host/preconditions.ts'
import { paths } from '../../paths.ts'
import { describeSettings } from '../../settings/describe.ts'
import { type LoadedSettings, loadSettings } from '../../settings/load.ts'
import { requireStore } from '../../settings/require-store.ts'
import { asksForOffline, Machine } from '../../setup/machine.ts'
import { markComplete } from '../../setup/run/complete.ts'
import { lockSetup } from '../../setup/run/lock-setup.ts'
import { lookFirst } from '../../setup/run/look-first.ts'
import { saveResult } from '../../setup/run/save-result.ts'
import { waitForDatabase } from '../../setup/run/wait-for-database.ts'
import { ServiceRestarts } from '../../setup/service/restarts.ts'
import { tasks } from '../../setup/tasks.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { Wanted } from '../wizard/draft.ts'
import type { WizardInput } from '../wizard/run-wizard.ts'
import type { Terminal } from '../wizard/terminal.ts'
import { afterword } from './afterword.ts'
import type { SetupFlags } from './request.ts'
import { readAdoption, readIgnoredPreflight, readSelection, readSettingsRequest } from './request.ts'
import { concludeRun, describeRun, runAndReport, type Show, showRun } from './run-and-report.ts'

const program = 'frameworkd-setup'

/** @returns the exit code */
export async function apply(flags: SetupFlags, show: Show): Promise<number> {
  const signal = listenForInterrupts()
  const check = flags.isSet('check') || show.verb === 'check'
  const selected = readSelection(flags)
  const ignoredPreflight = readIgnoredPreflight(flags)
  const forImage = flags.isSet('for-image')
  const offline = asksForOffline(process.env)
  const host = openHost(flags.text('root'))
  const makeMachine = ({ request, adopt }: Wanted, checkOnly = check) => {
    const settingsFile = request.configFile ?? paths.settings
    const work = { adopt, settingsFile, check: checkOnly, ignoredPreflight, forImage, offline }
    return new Machine(host, loadSettings(request), work, signal)
  }
  const given = { request: readSettingsRequest(flags, host), adopt: readAdoption(flags) }
  const terminal = mayAsk(flags, show) ? await openTerminal(signal, show.color) : undefined
  const look = (wanted: Wanted) => makeMachine(wanted, true)
  const acceptDefaults = flags.isSet('yes')
  const wanted = terminal && !check ? await ask(terminal, { given, selected, acceptDefaults, signal, look }) : given
  const makeConfigured = () => {
    const machine = makeMachine(wanted)
    // An image may get its settings later, from whoever installs it.
    if (!forImage) requireStore(machine.settings)
    return machine
  }
  await using machine = await waitForDatabase(makeConfigured, (line) => standardError.write(`${program}: ${line}\n`))
  if (flags.isSet('verbose')) standardError.write(describeSources(machine.settings))
  const confirm = flags.isSet('step') ? askBeforeEach(terminal) : undefined
  const warn = (warning: string) => standardError.write(`warning: ${warning}\n`)
  const past = check || confirm ? undefined : await lookFirst(machine, selected)
  if (past) {
    const ran = await describeRun(past, show)
    // Before anything is shown: who reads it may take their time, and somebody else may be at work by then.
    saveResult(machine, ran.document, () => past.quiet.lasts(), warn)
    await showRun(tasks, ran, show)
    return concludeRun(ran, show)
  }
  using lock = check ? undefined : lockSetup(machine)
  const restarts = new ServiceRestarts(machine)
  const options = { check, selected, signal, restarts, ...(confirm && { confirm }) }
  const ran = await runAndReport(tasks, machine.settings, machine, options, show)
  if (!check) saveResult(machine, ran.document, lock ?? (() => true), warn)
  markComplete(machine, ran.results)
  const exitCode = concludeRun(ran, show)
  if (terminal && exitCode === 0) standardOutput.write(await afterword(ran.document, machine))
  return exitCode
}

/** Questions are for a person at a terminal who did not say otherwise. */
function mayAsk(flags: SetupFlags, { format }: Show): boolean {
  // Nobody sits at the console of an image that is being made.
  if (flags.isSet('for-image')) return false
  return (
    !flags.isSet('non-interactive') && format === 'text' && process.stdin.isTTY && standardOutput.terminal !== undefined
  )
}

async function openTerminal(signal: AbortSignal, color: boolean): Promise<Terminal> {
  const wizard = await import('../wizard/open-terminal.ts')
  return wizard.openTerminal(signal, color)
}

async function ask(terminal: Terminal, input: WizardInput): Promise<Wanted> {
  const { runWizard } = await import('../wizard/run-wizard.ts')
  return runWizard(input, terminal)
}

/** Ansible's `--step`. @throws KnownError `usage` where there is nobody to ask */
function askBeforeEach(terminal: Terminal | undefined): RunOptions['confirm'] {
  if (!terminal) throw new KnownError('usage', '--step needs a terminal to ask on', 'choose tasks with --tags instead')
  let rest = false
  return async (task) => {
    if (rest || isAlwaysRun(task)) return true
    const choices = [
      { value: 'run', name: 'Run it' },
      { value: 'skip', name: 'Leave it out' },
      { value: 'rest', name: 'Run it and all that follow' },
    ]
    const answer = await terminal.choose(`${task.name}: ${task.title}?`, choices).catch(stopBetweenTasks)
    rest = answer === 'rest'
    return answer !== 'skip'
  }
}

/** The words of a terminal are those of the wizard, before anything is changed; here earlier tasks have run. */
function stopBetweenTasks(error: unknown): never {
  if (!(error instanceof KnownError)) throw error
  throw new KnownError(error.code, 'stopped before this task', 'run it again: it continues from here')
}

function describeSources(settings: LoadedSettings): string {
  const lines = describeSettings(settings).map((line) => `  ${line}\n`)
  return `settings before the rows of table config:\n${lines.join('')}`
}
