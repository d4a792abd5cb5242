/** A service that systemd runs on this machine, through systemctl(1). */
import { spawn, spawnSync } from 'node:child_process'
import { KnownError, systemCode } from '../../errors.ts'
import { programPath, programs } from '../../paths.ts'
import type { Host } from '../host.ts'
import { readEnvironment } from '../processes/process-identity.ts'
import { isSystemdRunning } from './init-system.ts'
import { parseProperties, showArguments } from './systemctl.ts'

export type SystemctlVerb = 'start' | 'stop' | 'restart' | 'reload'

/** The environment of systemctl; ours is not passed on. */
const environment = { PATH: programPath, LANG: 'C.UTF-8', SYSTEMD_PAGER: '' }

/**
 * Whether systemd runs this machine and has a unit for the service. A unit that systemd generated from an init
 * script does not count: that script calls us, and would wait for itself.
 */
export function isOwnedBySystemd(host: Host, unit: string): boolean {
  if (!isSystemdRunning(host)) return false
  const { LoadState, SourcePath } = showProperties(unit, ['LoadState', 'SourcePath'])
  return LoadState === 'loaded' && !SourcePath
}

/**
 * Runs `systemctl VERB UNIT`; its output goes to our own.
 * @param limitMs the timeout; the job goes on after it
 * @returns its exit code; undefined after the timeout
 */
export async function runSystemctl(
  verb: SystemctlVerb,
  unit: string,
  limitMs: number | undefined,
): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const child = spawn(programs.systemctl, ['--no-ask-password', verb, unit], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(limitMs !== undefined && { timeout: limitMs }),
  })
  child.once('error', (error) =>
    reject(new KnownError('command-failed', `systemctl cannot be run (${systemCode(error)})`, `try: systemctl status`)),
  )
  child.once('close', (code) => resolve(code ?? undefined))
  return promise
}

/** How the service's last process ended: its exit code, or undefined when a signal ended it or it never ran. */
export function lastExitCode(unit: string): number | undefined {
  const { ExecMainCode, ExecMainStatus } = showProperties(unit, ['ExecMainCode', 'ExecMainStatus'])
  // CLD_EXITED of waitid(2)
  return ExecMainCode === '1' ? Number(ExecMainStatus) : undefined
}

/** How a service is started, by its unit and an administrator's drop-ins: account, options and environment. */
export interface ServiceStart {
  user: string
  /** The words after the verb. */
  flags: readonly string[]
  /** The variables that begin with the prefix. */
  environment: Readonly<Record<string, string>>
}

/**
 * @param verb the word of ExecStart= after which the options begin
 * @param prefix of the variables that are returned
 */
export function readServiceStart(unit: string, verb: string, prefix: string): ServiceStart {
  const names = ['ExecStart', 'User', 'Group', 'Environment', 'EnvironmentFiles', 'MainPID']
  const {
    ExecStart = '',
    User = '',
    Group = '',
    Environment = '',
    EnvironmentFiles,
    MainPID,
  } = showProperties(unit, names)
  const line = / argv\[\]=(.*?) ; ignore_errors=/.exec(ExecStart)?.[1] ?? ''
  // systemd shows the words without quotes: a value with blanks is taken to end at the next option.
  const options = line.includes(` ${verb} `) ? line.slice(line.indexOf(` ${verb} `) + verb.length + 2) : ''
  const flags = options.split(/ (?=[-$])/).filter((word) => word !== '')
  const user = User === '' || Group === '' ? User : `${User}:${Group}`
  // Only systemd may be able to read EnvironmentFile= files: the environment of the running process is the best we
  // have.
  const given = EnvironmentFiles ? readEnvironment(Number(MainPID)) : []
  const variables = [...given, ...splitWords(Environment)].map(splitVariable)
  return {
    user,
    flags: flags.flatMap(splitOption).flatMap((word) => expandVariables(word, Object.fromEntries(variables))),
    environment: Object.fromEntries(variables.filter(([name]) => name.startsWith(prefix))),
  }
}

/** Where systemd puts the credentials of a service while it runs (systemd.exec(5), LoadCredential=). */
export function credentialsFolder(unit: string): string {
  return `/run/credentials/${unit}`
}

/** Splits a list as systemctl shows it: a word with blanks or special characters is in quotes, with backslashes. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, plain]) => {
    return plain ?? (quoted ?? '').replace(/\\(.)/g, '$1')
  })
}

/** `$NAME` as a word of its own is any number of words, `${NAME}` is part of one (systemd.service(5)). */
function expandVariables(word: string, variables: Readonly<Record<string, string>>): string[] {
  const name = /^\$(\w+)$/.exec(word)?.[1]
  if (name !== undefined) return (variables[name] ?? '').split(/\s+/).filter((part) => part !== '')
  return [word.replace(/\$\{(\w+)\}/g, (_, inner: string) => variables[inner] ?? '')]
}

function splitVariable(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** `--config /a b` is an option and its value. */
function splitOption(text: string): string[] {
  const at = text.indexOf(' ')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function showProperties(unit: string, names: readonly string[]) {
  const { stdout } = spawnSync(programs.systemctl, showArguments(unit, names), {
    env: environment,
    encoding: 'utf8',
    timeout: 10_000,
  })
  return parseProperties(stdout ?? '')
}
