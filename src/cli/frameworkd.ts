import { type LogFormat, logFormats } from '../daemon/log-lines.ts'
import { KnownError } from '../errors.ts'
import { Host } from '../host/host.ts'
import type { SettingName } from '../settings/definitions.ts'
import { daemonOptions, laterDaemonOptions, notAvailable, optionHelp, type ParsedFlags, parseFlags } from './flags.ts'
import { reportError } from './report-error.ts'
import { versionLine } from './version.ts'

const program = 'frameworkd'
const laterVerbs = ['start', 'stop', 'restart', 'reload', 'status', 'verify']
const pingLimitMs = 5000

/** Runs frameworkd. @returns its exit code */
export async function main(argv: readonly string[]): Promise<number> {
  process.umask(0o027)
  try {
    const flags = parseFlags(argv, daemonOptions, laterDaemonOptions)
    if (flags.isSet('help')) return print(helpText())
    if (flags.isSet('version')) return print(versionLine(program))
    const [verb, ...rest] = flags.verbs
    if (rest.length > 0) throw new KnownError('usage', `${rest.join(' ')} is one word too many`, 'see --help')
    if (verb === 'run') return await serve(flags)
    if (verb === 'ping') return await ping(flags)
    if (verb !== undefined && laterVerbs.includes(verb)) throw notAvailable(verb)
    throw new KnownError(
      'usage',
      verb === undefined ? 'a verb is missing' : `${verb} is not a verb`,
      'the verbs are run and ping; see --help',
    )
  } catch (error) {
    return reportError(program, error, process.stderr)
  }
}

async function serve(flags: ParsedFlags): Promise<number> {
  const { run } = await import('../daemon/run.ts')
  const { loadSettings } = await import('../settings/load.ts')
  await run({
    root: flags.text('root') ?? '/',
    loadSettings: (host) => loadSettings(settingsRequest(flags, host)),
    user: flags.text('user'),
    pidfile: flags.text('pidfile'),
    logFile: flags.text('log'),
    verbosity: flags.count('verbose'),
    logFormat: logFormat(flags.text('log-format')),
    console: process.stderr,
  })
  return 0
}

function logFormat(text = 'text'): LogFormat {
  const found = logFormats.find((one) => one === text)
  if (found === undefined)
    throw new KnownError('usage', `--log-format: ${text} is not one of ${logFormats.join(', ')}`, 'see --help')
  return found
}

/** Asks the running daemon; where it listens is known from flags, or from the store. */
async function ping(flags: ParsedFlags): Promise<number> {
  const { askDaemon } = await import('../daemon/ask-daemon.ts')
  const { listenAddress, port } = await findListener(flags)
  try {
    return print(`${await askDaemon(listenAddress, port, 'ping', pingLimitMs)}\n`)
  } catch (error) {
    const hint = 'start it: frameworkd run'
    throw new KnownError('task-failed', `nobody answers on ${listenAddress} port ${port}`, hint, { cause: error })
  }
}

async function findListener(flags: ParsedFlags): Promise<{ listenAddress: string; port: number }> {
  const { loadSettings } = await import('../settings/load.ts')
  const host = new Host(flags.text('root') ?? '/')
  const settings = loadSettings(settingsRequest(flags, host))
  if (flags.isSet('port')) return settings
  const { resolveAccount } = await import('../host/accounts.ts')
  const { openStore } = await import('../store/open-store.ts')
  const owner = resolveAccount(host.files, settings.owner)
  await using store = await openStore(settings, host, () => owner, AbortSignal.timeout(2 * pingLimitMs))
  return settings.withRows(await store.rows())
}

function settingsRequest(flags: ParsedFlags, host: Host) {
  const given: [SettingName, string | undefined][] = [
    ['port', flags.text('port')],
    ['listenAddress', flags.text('listen-address')],
  ]
  const found = given.filter((entry): entry is [SettingName, string] => entry[1] !== undefined)
  return { host, configFile: flags.text('config'), flags: new Map(found), environment: process.env }
}

function helpText(): string {
  return `usage: ${program} run|ping [options]

run   serve in the foreground: for systemd, containers, terminals
ping  ask the running daemon

${optionHelp(daemonOptions)}
`
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}
