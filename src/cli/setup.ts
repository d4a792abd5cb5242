import { type ResultDocument, resultDocument } from '../engine/report-json.ts'
import { reportText } from '../engine/report-text.ts'
import { runTasks } from '../engine/run-tasks.ts'
import { selectTasks } from '../engine/select.ts'
import type { TaskResult } from '../engine/task.ts'
import { KnownError } from '../errors.ts'
import { Host } from '../host/host.ts'
import type { Adoption } from '../key/reconcile.ts'
import { paths } from '../paths.ts'
import { kebabName, type SettingName, settingNames } from '../settings/definitions.ts'
import { type LoadedSettings, loadSettings, readPasswordFile, type SettingsRequest } from '../settings/load.ts'
import { requireStore } from '../settings/require-store.ts'
import { lockSetup } from '../setup/lock-setup.ts'
import { Machine } from '../setup/machine.ts'
import { saveResult } from '../setup/save-result.ts'
import { tasks } from '../setup/tasks.ts'
import { waitForDatabase } from '../setup/wait-for-database.ts'
import { laterSetupOptions, notAvailable, optionHelp, type ParsedFlags, parseFlags, setupOptions } from './flags.ts'
import { listenForInterrupts } from './interrupts.ts'
import { reportError } from './report-error.ts'
import { versionLine } from './version.ts'

const program = 'frameworkd-setup'
const verbs = ['apply', 'seal', 'status']
const laterVerbs = ['check', 'uninstall']
const pendingChangesCode = 5

/** Runs frameworkd-setup. @returns its exit code */
export async function main(argv: readonly string[]): Promise<number> {
  // Files are made with their final modes; this is for those that other programs make for us.
  process.umask(0o077)
  let wantsJson = argv.includes('--output=json')
  try {
    const flags = parseFlags(argv, setupOptions, laterSetupOptions)
    wantsJson = readFormat(flags) === 'json'
    if (flags.isSet('help')) return print(helpText())
    if (flags.isSet('version')) return print(versionLine(program))
    const [verb = 'apply', ...rest] = flags.verbs
    requireKnownVerb(verb, rest)
    if (verb === 'status') {
      const { showStatus } = await import('./status.ts')
      return await showStatus(flags, readFormat(flags))
    }
    if (verb === 'seal') {
      const { seal } = await import('./seal.ts')
      return await seal(flags, settingsRequest(flags, new Host(flags.text('root') ?? '/')), readFormat(flags))
    }
    if (flags.isSet('list-tasks')) return print(taskList())
    return await apply(flags)
  } catch (error) {
    if (wantsJson) process.stdout.write(`${JSON.stringify(await documentOfFailure(error))}\n`)
    return reportError(program, error, process.stderr)
  }
}

async function apply(flags: ParsedFlags): Promise<number> {
  using interrupts = listenForInterrupts()
  const startedAt = new Date()
  const check = flags.isSet('check')
  const selected = selectTasks(tasks, {
    ...optional('tags', readList(flags, 'tags')),
    ...optional('skipTags', readList(flags, 'skip-tags')),
  })
  const host = new Host(flags.text('root') ?? '/')
  const request = settingsRequest(flags, host)
  const adopt = readAdoption(flags)
  const makeMachine = () => {
    const settings = loadSettings(request)
    requireStore(settings)
    return new Machine(
      host,
      settings,
      { adopt, settingsFile: request.configFile ?? paths.settings, check },
      interrupts.signal,
    )
  }
  await waitForDatabase(makeMachine, (line) => process.stderr.write(`${program}: ${line}\n`))
  await using machine = makeMachine()
  if (flags.isSet('verbose')) process.stderr.write(describeSources(machine.settings))
  using _lock = check ? undefined : lockSetup(machine)
  const text = readFormat(flags) === 'text' ? await startReport(flags) : undefined
  const silent = { started() {}, finished() {} }
  const results = await runTasks(
    tasks,
    machine.settings,
    machine,
    { check, selected, signal: interrupts.signal },
    text ?? silent,
  )
  await text?.end(results)
  const error = results.find((result) => result.outcome === 'failed')?.error
  const document = await resultDocument({
    verb: 'apply',
    check,
    diff: flags.isSet('diff'),
    results,
    error,
    startedAt,
    endedAt: new Date(),
  })
  if (!check) saveResult(machine, document, (warning) => process.stderr.write(`warning: ${warning}\n`))
  if (!text) process.stdout.write(`${JSON.stringify(document)}\n`)
  if (error !== undefined) return reportError(program, error, process.stderr)
  return exitCodeOf(results, flags)
}

function exitCodeOf(results: readonly TaskResult[], flags: ParsedFlags): number {
  const pending = results.some((result) => result.outcome === 'pending')
  return pending && flags.isSet('detailed-exitcode') ? pendingChangesCode : 0
}

function startReport(flags: ParsedFlags) {
  return reportText({
    tasks,
    output: process.stdout,
    color: !flags.isSet('no-color') && !process.env.NO_COLOR,
    diff: flags.isSet('diff'),
  })
}

function settingsRequest(flags: ParsedFlags, host: Host): SettingsRequest {
  const passwordFile = flags.text('db-password-file')
  return {
    host,
    configFile: flags.text('config'),
    flags: settingFlags(flags),
    environment: process.env,
    typedPassword: passwordFile === undefined ? undefined : readPasswordFile(passwordFile),
  }
}

/** The flags that are settings, as texts. */
function settingFlags(flags: ParsedFlags): Map<SettingName, string> {
  const found = new Map<SettingName, string>()
  for (const name of settingNames) {
    const flag = kebabName(name)
    if (flag in setupOptions && flags.isSet(flag)) found.set(name, flags.text(flag) ?? 'yes')
  }
  return found
}

function requireKnownVerb(verb: string, rest: readonly string[]): void {
  if (laterVerbs.includes(verb)) throw notAvailable(verb)
  if (verbs.includes(verb) && rest.length === 0) return
  const hint = `the verbs are ${verbs.join(', ')}; see --help`
  throw new KnownError('usage', `${[verb, ...rest].join(' ')} is not a verb`, hint)
}

function readAdoption(flags: ParsedFlags): Adoption | undefined {
  const text = flags.text('adopt')
  if (text === undefined || text === 'file' || text === 'database' || text === 'new') return text
  throw new KnownError('usage', `--adopt: ${JSON.stringify(text)} is not one of file, database, new`, 'see --help')
}

function readFormat(flags: ParsedFlags): 'text' | 'json' {
  const text = flags.text('output') ?? 'text'
  if (text === 'text' || text === 'json') return text
  throw new KnownError('usage', `--output: ${JSON.stringify(text)} is not one of text, json`, 'see --help')
}

function readList(flags: ParsedFlags, name: string): string[] | undefined {
  return flags
    .text(name)
    ?.split(',')
    .map((item) => item.trim())
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}

function describeSources(settings: LoadedSettings): string {
  const lines = settingNames
    .filter((name) => settings[name] !== undefined)
    .map((name) => `  ${kebabName(name)} = ${settings[name]}  (${settings.sources[name]})\n`)
  const password = settings.password ? `  password = [hidden]  (${settings.password.origin})\n` : ''
  return `settings before the rows of table config:\n${lines.join('')}${password}`
}

function taskList(): string {
  const width = Math.max(...tasks.map((task) => task.name.length))
  return tasks.map((task) => `${task.name.padEnd(width)}  ${task.title}  [${task.tags.join(', ')}]\n`).join('')
}

function helpText(): string {
  return `usage: ${program} [apply] [options]

Brings this machine to the wanted state: settings, database, encryption key, directories.
A second run changes nothing. No key that exists is ever lost.

${optionHelp(setupOptions)}

exit codes: 0 done, 1 a task failed, 2 usage or configuration, 3 the key needs a human,
            4 preflight failed, 5 changes are pending, 75 try again later, 130 interrupted
`
}

async function documentOfFailure(error: unknown): Promise<ResultDocument> {
  const now = new Date()
  return resultDocument({ verb: 'apply', check: false, diff: false, results: [], error, startedAt: now, endedAt: now })
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}
