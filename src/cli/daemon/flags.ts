import { type LogFormat, logFormats } from '../../daemon/logs/lines.ts'
import { KnownError, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { openHost } from '../../host/preconditions.ts'
import { InvalidValue, parseAccount, type SettingName } from '../../settings/definitions.ts'
import type { SettingsRequest } from '../../settings/load.ts'
import type { ParsedFlags } from '../flags.ts'

/** The flags of frameworkd, read. */
export interface DaemonFlags {
  /** Absolute, since a daemon works in folder `/`. */
  root: string
  host: Host
  config: string | undefined
  settings: ReadonlyMap<SettingName, string>
  user: string | undefined
  pidfile: string | undefined
  logFile: string | undefined
  logFormat: LogFormat
  verbosity: number
  /** Milliseconds. */
  timeoutMs: number | undefined
  json: boolean
  /** Of status: whether file and row still agree decides, too. */
  check: boolean
  /** The flags that only `run` understands, as given. */
  forRun: readonly string[]
}

/** Flags of `run` that `start` hands on. */
const handedOn = ['config', 'port', 'listen-address', 'user', 'pidfile', 'log', 'log-format'] as const

/** @throws KnownError `usage` for a value that is none */
export function daemonFlags(flags: ParsedFlags): DaemonFlags {
  const host = openHost(flags.text('root'))
  const given: [SettingName, string | undefined][] = [
    ['port', flags.text('port')],
    ['listenAddress', flags.text('listen-address')],
  ]
  return {
    root: host.tree.root,
    host,
    config: flags.text('config'),
    settings: new Map(given.filter((entry): entry is [SettingName, string] => entry[1] !== undefined)),
    user: readAccount(flags.text('user')),
    pidfile: readPath(flags, 'pidfile'),
    logFile: readPath(flags, 'log'),
    logFormat: readLogFormat(flags.text('log-format')),
    verbosity: flags.count('verbose'),
    timeoutMs: readSeconds(flags.text('timeout')),
    json: flags.isSet('json'),
    check: flags.isSet('check'),
    forRun: [
      ...handedOn.filter((name) => flags.isSet(name)).map((name) => `--${name}=${flags.text(name)}`),
      ...Array<string>(flags.count('verbose')).fill('--verbose'),
    ],
  }
}

/** How the settings are to be loaded, each time anew. */
export function settingsRequest(flags: DaemonFlags, host: Host): SettingsRequest {
  return { host, configFile: flags.config, flags: flags.settings, environment: process.env }
}

/** A daemon works in folder `/`, and below `--root` the caller's folder means nothing. */
function readPath(flags: ParsedFlags, name: 'pidfile' | 'log'): string | undefined {
  const path = flags.text(name)
  if (path === undefined || /^\/[^\p{Cc}]*[^/\p{Cc}]$/u.test(path)) return path
  throw new KnownError('usage', `--${name}: ${JSON.stringify(path)} is not an absolute path of a file`, 'see --help')
}

function readAccount(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return parseAccount(text)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    throw new KnownError('usage', `--user: ${JSON.stringify(text)} ${messageOf(error)}`, 'see --help')
  }
}

function readLogFormat(text = 'text'): LogFormat {
  const found = logFormats.find((one) => one === text)
  if (found !== undefined) return found
  throw new KnownError('usage', `--log-format: ${text} is not one of ${logFormats.join(', ')}`, 'see --help')
}

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000
  throw new KnownError('usage', `--timeout: ${text} is not a number of seconds (0 to 999999)`, 'see --help')
}
