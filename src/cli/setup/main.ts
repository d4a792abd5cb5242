import { KnownError } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import { suggestion } from '../../text/nearest-name.ts'
import { optionHelp, type ParsedFlags, parseFlags, requireOptionsOf, setupOptions } from '../flags.ts'
import { surviveLostOutput } from '../lost-output.ts'
import { readFormat } from '../one-of.ts'
import { reportError } from '../report-error.ts'
import { versionLine } from '../version.ts'

const program = 'frameworkd-setup'

/** What it can be told to do; the first is done when nothing is said. */
export const verbs: Readonly<Record<string, { help: string }>> = {
  apply: { help: 'bring this machine to the wanted state; done when no verb is given' },
  check: { help: 'say what apply would change, with diffs; change nothing' },
  seal: { help: 'make a machine or an image safe to clone' },
  status: { help: 'how the last run ended, or what it waits for' },
  uninstall: { help: 'remove what apply installed; key, rows, logs and changed files stay' },
}

/** Runs frameworkd-setup. @returns its exit code */
export function main(argv: readonly string[]): Promise<number> {
  return surviveLostOutput(program, () => runProgram(argv))
}

async function runProgram(argv: readonly string[]): Promise<number> {
  // Files are made with their final modes; this is for those that other programs make for us.
  process.umask(0o077)
  let wantsJson = asksForJson(argv)
  let [verb, check] = ['apply', false]
  try {
    const flags = parseFlags(argv, setupOptions)
    wantsJson = readFormat(flags) === 'json'
    if (flags.isSet('help')) return print(await helpText())
    if (flags.isSet('version')) return print(versionLine(program))
    verb = readVerb(flags.verbs)
    check = verb === 'check' || flags.isSet('check')
    requireOptionsOf(verb, flags, setupOptions)
    if (flags.isSet('list-tasks')) return print(await taskList(flags))
    return await runVerb(verb, flags)
  } catch (error) {
    if (wantsJson) standardOutput.write(`${JSON.stringify(await documentOfFailure(verb, check, error))}\n`)
    return reportError(program, error)
  }
}

async function runVerb(verb: string, flags: ParsedFlags): Promise<number> {
  if (verb === 'status') {
    const { showStatus } = await import('./status.ts')
    return showStatus(flags, readFormat(flags))
  }
  collectAlone()
  const { readSettingsRequest, readShow } = await import('./request.ts')
  const show = readShow(flags, verb)
  if (verb === 'apply' || verb === 'check') {
    const { apply } = await import('./apply.ts')
    return apply(flags, show)
  }
  const { openHost } = await import('../../host/preconditions.ts')
  const request = readSettingsRequest(flags, openHost(flags.text('root')))
  if (verb === 'seal') {
    const { seal } = await import('./seal.ts')
    return seal(flags, request, show)
  }
  const { uninstall } = await import('./uninstall.ts')
  return uninstall(flags, request, show)
}

/**
 * Has V8 collect young objects on this thread alone. A run of ours leaves so few that to wake other
 * threads and wait for them takes four times as long. V8 reads the flag at each collection, and for
 * nothing else, so it may be set at any time.
 */
function collectAlone(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--no-parallel-scavenge')
}

function readVerb([verb = 'apply', ...rest]: readonly string[]): string {
  if (!Object.hasOwn(verbs, verb)) {
    const known = Object.keys(verbs)
    const hint = `the verbs are ${known.join(', ')}; see --help`
    throw new KnownError('usage', `${verb} is not a verb${suggestion(verb, known)}`, hint)
  }
  if (rest.length > 0) throw new KnownError('usage', `${rest.join(' ')} is one word too many`, 'see --help')
  return verb
}

/** Those that a run with these flags would go through. */
async function taskList(flags: ParsedFlags): Promise<string> {
  const { tasks } = await import('../../setup/tasks.ts')
  const { readSelection } = await import('./request.ts')
  const selected = tasks.filter(readSelection(flags))
  if (readFormat(flags) === 'json') {
    const list = selected.map(({ name, title, tags }) => ({ name, title, tags }))
    return `${JSON.stringify({ version: 1, tasks: list })}\n`
  }
  const width = Math.max(...tasks.map((task) => task.name.length))
  return selected.map((task) => `${task.name.padEnd(width)}  ${task.title}  [${task.tags.join(', ')}]\n`).join('')
}

/** As far as it can be told from words that nobody has parsed yet. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => word === '--output=json' || (word === 'json' && argv[index - 1] === '--output'))
}

async function helpText(): Promise<string> {
  const list = Object.entries(verbs).map(([name, { help }]) => `${name.padEnd(9)}  ${help}\n`)
  return `usage: ${program} [${Object.keys(verbs).join('|')}] [options]

Settings, database, encryption key, directories, service: a second run changes
nothing, and no key that exists is ever lost.

${list.join('')}
${await optionHelp(setupOptions)}

exit codes: 0 done, 1 a task failed, 2 usage or configuration, 3 the key needs
            a human, 4 preflight failed, 5 changes are pending (with
            --detailed-exitcode), 75 try again later, 130 interrupted by
            Ctrl-C, 143 by SIGTERM; status: 0 done, 1 failed, 3 never ran,
            75 running or waiting
`
}

async function documentOfFailure(verb: string, check: boolean, error: unknown) {
  const { resultDocument } = await import('../../engine/report-json.ts')
  const now = new Date()
  return resultDocument({ verb, check, diff: false, results: [], error, startedAt: now, endedAt: now })
}

function print(text: string): 0 {
  standardOutput.write(text)
  return 0
}
