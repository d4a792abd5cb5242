import { consoleAlone } from '../../daemon/logs/destination.ts'
import type { LogFormat } from '../../daemon/logs/lines.ts'
import { KnownError, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { openHost } from '../../host/preconditions.ts'
import { parseAccount, type SettingName } from '../../settings/definitions.ts'
import type { SettingsRequest } from '../../settings/load.ts'
import { InvalidValue } from '../../settings/values/invalid-value.ts'
import { isOptionOf } from '../option.ts'
import { daemonOptions } from '../options.ts'
import type { ParsedOptions } from '../parse-options.ts'

export type DaemonFlags = ParsedOptions<typeof daemonOptions>

/** What the command line asks for, in the types of the rooms that do it. */
export interface DaemonRequest {
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
  /** For status: the exit code also depends on whether file and row still agree. */
  check: boolean
  /** The options that are handed on to `run`, as they were given. */
  forRun: readonly string[]
}

/** The options that `start` hands on to `run`: those that both understand, except the root, which is made absolute. */
const handedOn = (Object.keys(daemonOptions) as (keyof typeof daemonOptions)[]).filter((name) => {
  const option = daemonOptions[name]
  return 'verbs' in option && isOptionOf('start', option) && isOptionOf('run', option)
})

/** @throws KnownError `usage` for a wrong value */
export function readDaemonRequest(flags: DaemonFlags): DaemonRequest {
  const host = openHost(flags.text('root'))
  return {
    root: host.tree.root,
    host,
    config: flags.text('config'),
    settings: flags.settings(),
    user: readAccount(flags.text('user')),
    pidfile: readPath(flags, 'pidfile'),
    logFile: readLogFile(flags),
    logFormat: flags.choice('log-format'),
    verbosity: flags.count('verbose'),
    timeoutMs: readSeconds(flags.text('timeout')),
    json: flags.isSet('json'),
    check: flags.isSet('check'),
    forRun: flags.again(handedOn),
  }
}

/** The sources from which the settings are loaded, each time again. */
export function settingsRequest(request: DaemonRequest, host: Host): SettingsRequest {
  return { host, configFile: request.config, flags: request.settings, environment: process.env }
}

/** `-`, and the device that means the same, are standard error alone. */
function readLogFile(flags: DaemonFlags): string | undefined {
  return [consoleAlone, '/dev/stderr'].includes(flags.text('log') ?? '') ? consoleAlone : readPath(flags, 'log')
}

/** A path must be absolute: a daemon works in folder `/`, and the caller's folder has no meaning below `--root`. */
function readPath(flags: DaemonFlags, name: 'pidfile' | 'log'): string | undefined {
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

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000
  throw new KnownError('usage', `--timeout: ${text} is not a number of seconds (0 to 999999)`, 'see --help')
}
