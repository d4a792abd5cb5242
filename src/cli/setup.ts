import { KnownError } from '../errors.ts'
import { suggestion } from '../nearest-name.ts'
import { optionHelp, type ParsedFlags, parseFlags, setupOptions } from './flags.ts'
import { surviveLostOutput } from './lost-output.ts'
import { readFormat } from './one-of.ts'
import { reportError } from './report-error.ts'
import { versionLine } from './version.ts'

const program = 'frameworkd-setup'
const verbs = ['apply', 'check', 'seal', 'status', 'uninstall']

/** Runs frameworkd-setup. @returns its exit code */
export function main(argv: readonly string[]): Promise<number> {
  return surviveLostOutput(() => runProgram(argv))
}

async function runProgram(argv: readonly string[]): Promise<number> {
  // Files are made with their final modes; this is for those that other programs make for us.
  process.umask(0o077)
  let wantsJson = argv.includes('--output=json')
  let verb = 'apply'
  try {
    const flags = parseFlags(argv, setupOptions)
    wantsJson = readFormat(flags) === 'json'
    if (flags.isSet('help')) return print(helpText())
    if (flags.isSet('version')) return print(versionLine(program))
    verb = readVerb(flags.verbs)
    if (flags.isSet('list-tasks')) return print(await taskList())
    return await runVerb(verb, flags)
  } catch (error) {
    if (wantsJson) process.stdout.write(`${JSON.stringify(await documentOfFailure(verb, error))}\n`)
    return reportError(program, error, process.stderr)
  }
}

async function runVerb(verb: string, flags: ParsedFlags): Promise<number> {
  if (verb === 'status') {
    const { showStatus } = await import('./status.ts')
    return showStatus(flags, readFormat(flags))
  }
  const { readSettingsRequest, readShow } = await import('./setup-request.ts')
  const show = readShow(flags, verb)
  if (verb === 'apply' || verb === 'check') {
    const { apply } = await import('./apply.ts')
    return apply(flags, show)
  }
  const { Host } = await import('../host/host.ts')
  const request = readSettingsRequest(flags, new Host(flags.text('root') ?? '/'))
  if (verb === 'seal') {
    const { seal } = await import('./seal.ts')
    return seal(flags, request, show)
  }
  const { uninstall } = await import('./uninstall.ts')
  return uninstall(flags, request, show)
}

function readVerb([verb = 'apply', ...rest]: readonly string[]): string {
  if (!verbs.includes(verb)) {
    const hint = `the verbs are ${verbs.join(', ')}; see --help`
    throw new KnownError('usage', `${verb} is not a verb${suggestion(verb, verbs)}`, hint)
  }
  if (rest.length > 0) throw new KnownError('usage', `${rest.join(' ')} is one word too many`, 'see --help')
  return verb
}

async function taskList(): Promise<string> {
  const { tasks } = await import('../setup/tasks.ts')
  const width = Math.max(...tasks.map((task) => task.name.length))
  return tasks.map((task) => `${task.name.padEnd(width)}  ${task.title}  [${task.tags.join(', ')}]\n`).join('')
}

function helpText(): string {
  return `usage: ${program} [apply|check|seal|status|uninstall] [options]

apply      bring this machine to the wanted state: settings, database, encryption key,
           directories, service; a second run changes nothing, and no key is ever lost
check      say what apply would change, with diffs; change nothing
seal       make a machine or an image safe to clone
status     how the last run ended, or what it waits for
uninstall  remove what apply installed; key, rows, logs and changed files stay

${optionHelp(setupOptions)}

exit codes: 0 done, 1 a task failed, 2 usage or configuration, 3 the key needs a human,
            4 preflight failed, 5 changes are pending, 75 try again later, 130 interrupted
`
}

async function documentOfFailure(verb: string, error: unknown) {
  const { resultDocument } = await import('../engine/report-json.ts')
  const now = new Date()
  return resultDocument({ verb, check: false, diff: false, results: [], error, startedAt: now, endedAt: now })
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}
