/** `frameworkd-setup apply` and `check`: ask where something is missing, have it done, say how it went. */
import type { TaskOptions } from '../../engine/plan-tasks.ts'
import { isAlwaysRun } from '../../engine/select.ts'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import { openHost, requireRights } from '../../host/preconditions.ts'
import { paths } from '../../paths.ts'
import { describeSettings } from '../../settings/describe.ts'
import { type LoadedSettings, loadSettings } from '../../settings/load.ts'
import { requireStore } from '../../settings/require-store.ts'
import { asksForOffline, Machine } from '../../setup/machine.ts'
import { runSetup } from '../../setup/run/run-setup.ts'
import { predecessor } from '../../setup/tasks/predecessor.ts'
import { tasks } from '../../setup/tasks.ts'
import type { Watch } from '../../store/config-store.ts'
import { setupCommand } from '../../text/command-line.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { RunChoices } from '../wizard/draft.ts'
import type { WizardInput } from '../wizard/run-wizard.ts'
import type { Terminal } from '../wizard/terminal.ts'
import { afterword } from './afterword.ts'
import { mayAsk, openTerminal } from './ask.ts'
import type { SetupFlags } from './request.ts'
import { readAdoption, readIgnoredPreflight, readSelection, readSettingsRequest } from './request.ts'
import { concludeRun, type RunPresentation, reportOf } from './run-and-report.ts'
import { WaitingLine } from './waiting-line.ts'

const askHint = `run it at a terminal and without --check, or give what is to change as options; see ${setupCommand('/', 'help apply')}`

/** @returns the exit code */
export async function apply(flags: SetupFlags, show: RunPresentation): Promise<number> {
  const signal = listenForInterrupts()
  const check = flags.isSet('check') || show.verb === 'check'
  const selected = readSelection(flags)
  const host = openHost(flags.text('root'))
  const makeMachine = prepareMachineMaker(host, flags, signal)
  const given = {
    request: readSettingsRequest(flags, host),
    adopt: readAdoption(flags),
    takeOver: flags.isSet('take-over'),
  }
  if (given.takeOver) requireTakeOverTask(selected)
  const terminal = mayAsk(flags, show) ? await openTerminal(signal, show.color) : undefined
  const { watch } = show.slow
  const look = (wanted: RunChoices) => makeMachine(wanted, true, watch)
  const [acceptDefaults, askEverything] = [flags.isSet('yes'), flags.isSet('reconfigure')]
  if (askEverything && (!terminal || check))
    throw new KnownError('usage', '--reconfigure: nobody can be asked here', askHint)
  const input = { given, selected, acceptDefaults, askEverything, show, signal, watch, look }
  const wanted = terminal && !check ? await ask(terminal, input) : given
  const makeConfigured = () => {
    const machine = makeMachine(wanted, check, watch)
    // An image may get its settings later, from whoever installs it.
    if (!machine.request.forImage) requireConfigured(machine)
    return machine
  }
  const confirm = flags.isSet('step') ? askBeforeEach(terminal) : undefined
  // Questions between the tasks and a list that is drawn anew do not go together.
  const hasAsked = wanted !== given
  if (hasAsked) standardOutput.write('\n')
  const shown = hasAsked ? { ...show, title: undefined } : show
  const report = reportOf(tasks, { live: confirm === undefined, check }, shown)
  using waiting = new WaitingLine(show.color)
  await using run = await runSetup(
    { makeMachine: makeConfigured, selected, confirm, check, verb: show.verb, diff: show.diff },
    {
      onWait: (what, leftMs) => waiting.say(what, leftMs),
      onOpen({ settings }) {
        waiting[Symbol.dispose]()
        if (flags.isSet('verbose')) standardError.write(describeSources(settings))
      },
      beginTasks: report.begin,
      endAttempt: report.close,
    },
  )
  await report.end(run.results)
  if (run.saveError !== undefined) standardError.write(`warning: the result was not kept: ${run.saveError}\n`)
  const exitCode = concludeRun(run, show)
  if (terminal && exitCode === 0) standardOutput.write(await afterword(run.document, run.machine))
  return exitCode
}

/** Later tasks put files of ours in the original's places. @throws KnownError `usage` */
function requireTakeOverTask(selected: ReturnType<typeof readSelection>): void {
  if (selected(predecessor)) return
  const hint = 'have that task take part: leave out --tags, --skip-tags and --start-at-task, or add tag service'
  throw new KnownError('usage', `--take-over: task ${predecessor.name} does not take part`, hint)
}

/** Checks that a store is configured; people who forgot sudo are told that first, since no store would help them. */
function requireConfigured({ host, settings, request }: Machine): void {
  try {
    requireStore(settings)
  } catch (error) {
    if (!request.ignoredPreflight.includes('rights')) requireRights(host, 'set up')
    throw error
  }
}

/** What the flags say of the machine, but for the settings, which are read each time. */
function prepareMachineMaker(
  host: Host,
  flags: SetupFlags,
  signal: AbortSignal,
): (wanted: RunChoices, check: boolean, watch?: Watch) => Machine {
  const asked = {
    ignoredPreflight: readIgnoredPreflight(flags),
    forImage: flags.isSet('for-image'),
    offline: asksForOffline(process.env),
  }
  return ({ request, adopt, restore, takeOver }, check, watch) => {
    const settingsFile = request.configFile ?? paths.settings
    return new Machine(
      host,
      loadSettings(request),
      { ...asked, adopt, restore, takeOver, settingsFile, check, watch },
      signal,
    )
  }
}

async function ask(terminal: Terminal, input: WizardInput): Promise<RunChoices> {
  const { runWizard } = await import('../wizard/run-wizard.ts')
  return runWizard(input, terminal)
}

/** Ansible's `--step`. @throws KnownError `usage` where there is nobody to ask */
function askBeforeEach(terminal: Terminal | undefined): TaskOptions['confirm'] {
  if (!terminal) throw new KnownError('usage', '--step needs a terminal to ask on', 'choose tasks with --tags instead')
  let rest = false
  return async (task) => {
    if (rest || isAlwaysRun(task)) return true
    const refuse = (text: string) => (/^[nyc]?$/i.test(text.trim()) ? undefined : 'n, y or c is needed')
    // Ansible's words.
    const message = `Run task ${task.name} (${task.title})? (N)o/(y)es/(c)ontinue`
    const answer = (await terminal.ask({ message, refuse }).catch(stopBetweenTasks)).trim().toLowerCase()
    rest = answer === 'c'
    return rest || answer === 'y'
  }
}

/** The terminal's message says that nothing was changed, which is true in the wizard. Here earlier tasks have run. */
function stopBetweenTasks(error: unknown): never {
  if (!(error instanceof KnownError)) throw error
  throw new KnownError(error.code, 'stopped before this task', 'run it again: it continues from here')
}

function describeSources(settings: LoadedSettings): string {
  const lines = describeSettings(settings).map((line) => `  ${line}\n`)
  return `settings before the rows of table config:\n${lines.join('')}`
}
