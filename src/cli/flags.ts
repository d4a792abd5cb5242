/** The option tables of both programs; the help text comes from them. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { KnownError, messageOf, systemCode } from '../errors.ts'
import { standardOutput } from '../host/output/output.ts'
import { suggestion } from '../text/nearest-name.ts'

interface Option {
  type: 'boolean' | 'string'
  short?: string
  multiple?: true
  /** What its value is called in the help text. */
  value?: string
  /** The values that there are, for completion. */
  choices?: readonly string[]
  help: string
  /** Another spelling of that option. */
  aliasOf?: string
  /** The verbs that it says something to; all where it is absent. */
  verbs?: readonly string[]
}

export type Options = Readonly<Record<string, Option>>

const common: Options = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
  version: { type: 'boolean', help: 'show the version' },
  root: { type: 'string', value: 'DIR', help: 'work on the tree below DIR; the running machine is not touched' },
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: 'settings file (default /etc/frameworkd/frameworkd.ini)',
  },
}

const tasksVerbs = ['apply', 'check']
const changingVerbs = ['apply', 'check', 'seal', 'uninstall']

export const setupOptions = {
  'non-interactive': { type: 'boolean', help: 'never ask; a missing value is an error' },
  'no-input': { type: 'boolean', help: 'the same as --non-interactive', aliasOf: 'non-interactive' },
  yes: { type: 'boolean', short: 'y', help: 'accept every default of the questions; never decides a key conflict' },
  check: { type: 'boolean', short: 'C', help: 'say what would change, change nothing', verbs: changingVerbs },
  'dry-run': { type: 'boolean', help: 'the same as --check', aliasOf: 'check', verbs: changingVerbs },
  diff: { type: 'boolean', short: 'D', help: 'show what changes, secrets masked', verbs: changingVerbs },
  tags: { type: 'string', short: 't', value: 'LIST', help: 'only tasks with one of these tags', verbs: tasksVerbs },
  'skip-tags': { type: 'string', value: 'LIST', help: 'no tasks with one of these tags', verbs: tasksVerbs },
  'start-at-task': { type: 'string', value: 'NAME', help: 'leave out the tasks before this one', verbs: tasksVerbs },
  step: { type: 'boolean', help: 'ask before each task', verbs: tasksVerbs },
  'list-tasks': { type: 'boolean', help: 'list the tasks and their tags', verbs: tasksVerbs },
  'ignore-preflight': {
    type: 'string',
    value: 'LIST',
    help: 'only warn where these checks fail: linux, rights, account, init-system, writable, predecessor',
    verbs: tasksVerbs,
  },
  'detailed-exitcode': {
    type: 'boolean',
    help: 'with --check: exit 5 when something would change',
    verbs: changingVerbs,
  },
  store: {
    type: 'string',
    value: 'KIND',
    choices: ['mysql', 'sqlite'],
    help: 'where table config lives: mysql or sqlite',
  },
  'db-host': { type: 'string', value: 'HOST', help: 'the database server' },
  'db-port': { type: 'string', value: 'PORT', help: 'its port (default 3306)' },
  'db-socket': { type: 'string', value: 'PATH', help: 'its unix socket, instead of host and port' },
  'db-name': { type: 'string', value: 'NAME', help: 'the database (default alienvault)' },
  'db-user': { type: 'string', value: 'USER', help: 'the account on the server' },
  'db-password-file': { type: 'string', value: 'FILE', help: 'where its password stands; - is standard input' },
  'db-ssl-mode': {
    type: 'string',
    value: 'MODE',
    choices: ['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'],
    help: 'TLS: disabled, preferred (default), required, verify-ca or verify-identity (default with --db-ssl-ca)',
  },
  'db-ssl-ca': { type: 'string', value: 'FILE', help: 'use TLS, verified with this CA certificate' },
  'create-schema': {
    type: 'boolean',
    help: 'create table config and its default rows where missing',
    verbs: tasksVerbs,
  },
  'wait-for-db': {
    type: 'string',
    value: 'SECONDS',
    help: 'keep trying to reach the database this long',
    verbs: tasksVerbs,
  },
  owner: {
    type: 'string',
    value: 'USER[:GROUP]',
    help: 'owner of the key file and account of the service (default www-data)',
  },
  'key-source': {
    type: 'string',
    value: 'SOURCE',
    choices: ['auto', 'system-id', 'random'],
    help: 'where a new key comes from: auto, system-id or random',
    verbs: tasksVerbs,
  },
  adopt: {
    type: 'string',
    value: 'SIDE',
    choices: ['file', 'database', 'new'],
    help: 'decide a key conflict: file, database or new',
    verbs: tasksVerbs,
  },
  'for-image': { type: 'boolean', help: 'lay everything down, leave key and row to the first boot', verbs: tasksVerbs },
  init: {
    type: 'string',
    value: 'SYSTEM',
    choices: ['auto', 'systemd', 'sysv', 'none'],
    help: 'how the service is installed: auto, systemd, sysv or none',
  },
  output: { type: 'string', value: 'FORMAT', choices: ['text', 'json'], help: 'text or json' },
  force: {
    type: 'boolean',
    help: 'with seal and --purge: although stored values depend on the key',
    verbs: ['seal', 'uninstall'],
  },
  purge: { type: 'boolean', help: 'with uninstall: also remove logs, state and key file', verbs: ['uninstall'] },
  wait: { type: 'boolean', help: 'with status: wait for the run at work to end', verbs: ['status'] },
  verbose: { type: 'boolean', short: 'v', multiple: true, help: 'also say where each setting comes from' },
  'no-color': { type: 'boolean', help: 'no colours, no live list' },
  ...common,
} satisfies Options

export const daemonOptions = {
  port: { type: 'string', short: 'p', value: 'PORT', help: 'port to listen on (default: row frameworkd_port)' },
  'listen-address': {
    type: 'string',
    short: 'l',
    value: 'ADDRESS',
    help: 'address to listen on (default: row frameworkd_address)',
  },
  user: { type: 'string', value: 'USER[:GROUP]', help: 'account to become when root starts it (default: the owner)' },
  pidfile: { type: 'string', value: 'FILE', help: 'pidfile (default /run/frameworkd/frameworkd.pid)' },
  log: {
    type: 'string',
    short: 'L',
    value: 'FILE',
    help: 'log file (default frameworkd.log in row frameworkd_log_dir)',
  },
  'log-format': {
    type: 'string',
    value: 'FORMAT',
    choices: ['text', 'json'],
    help: 'text (the default) or json, in files and on the console',
  },
  verbose: { type: 'boolean', short: 'v', multiple: true, help: 'log more, such as where each setting comes from' },
  timeout: {
    type: 'string',
    value: 'SECONDS',
    help: 'when start and restart give up (default 90), and stop kills (default 30)',
  },
  json: { type: 'boolean', help: 'status: one JSON document' },
  check: { type: 'boolean', help: 'status: 1 also when file and row no longer agree', verbs: ['status'] },
  daemon: { type: 'boolean', short: 'd', help: 'the same as start' },
  ...common,
} satisfies Options

export interface ParsedFlags {
  verbs: readonly string[]
  text(name: string): string | undefined
  isSet(name: string): boolean
  /** How often a flag was given. */
  count(name: string): number
}

/** Parses argv by a table. @throws KnownError `usage` for an unknown flag, and for a missing or empty value */
export function parseFlags(argv: readonly string[], known: Options): ParsedFlags {
  const { values, positionals } = parse(argv, known)
  const empty = Object.keys(values).find((name) => values[name] === '')
  // Most often a variable of a script that is not set; as a root it would be the working folder.
  if (empty !== undefined) throw new KnownError('usage', `--${empty}: its value is empty`, 'see --help')
  const spellings = (name: string) => [name, ...Object.keys(known).filter((other) => known[other]?.aliasOf === name)]
  const find = (name: string) =>
    spellings(name)
      .map((spelling) => values[spelling])
      .find((value) => value !== undefined)
  return {
    verbs: positionals,
    text: (name) => (typeof find(name) === 'string' ? String(find(name)) : undefined),
    isSet: (name) => find(name) !== undefined,
    count: (name) => [find(name) ?? []].flat().length,
  }
}

/** @throws KnownError `usage` for an option that would be without effect on a verb: somebody counts on it */
export function requireOptionsOf(verb: string, flags: ParsedFlags, known: Options): void {
  for (const [name, { verbs }] of Object.entries(known)) {
    if (!verbs || verbs.includes(verb) || !flags.isSet(name)) continue
    throw new KnownError('usage', `--${name} is no option of ${verb}`, `it is one of ${verbs.join(', ')}; see --help`)
  }
}

/** The help text of a table, for the width of the terminal. */
export async function optionHelp(options: Options): Promise<string> {
  const { wrapTo } = await import('../engine/report-lines.ts')
  const wrap = await wrapTo(standardOutput)
  const rows = Object.entries(options).map(([name, { short, value, help }]) => {
    return [`${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`, help] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${wrap(help, width + 4)}`).join('\n')
}

function parse(argv: readonly string[], options: Options) {
  const table = Object.entries(options).map(([name, { type, short, multiple }]) => [
    name,
    { type, ...(short && { short }), ...(multiple && { multiple }) },
  ])
  const config: ParseArgsConfig = {
    args: [...argv],
    options: Object.fromEntries(table),
    allowPositionals: true,
    strict: true,
  }
  try {
    return parseArgs(config)
  } catch (error) {
    if (!systemCode(error)?.startsWith('ERR_PARSE_ARGS')) throw error
    throw new KnownError('usage', explainRefusal(messageOf(error), options), 'see --help', { cause: error })
  }
}

/** What is wrong with argv, in one line; Node's words for a value that is missing or too much are several. */
function explainRefusal(message: string, options: Options): string {
  const named = /--[\w-]+/.exec(message)?.[0]
  const option = Object.entries(options).find(([name]) => `--${name}` === named)?.[1]
  if (option?.type === 'boolean') return `${named} takes no value`
  if (option) return `${named} needs a value: ${named}=${option.value}`
  const [unknown = ''] = message.split('. ')
  const known = Object.keys(options).map((name) => `--${name}`)
  const meant = named === undefined ? '' : suggestion(named, known)
  return `${unknown.charAt(0).toLowerCase()}${unknown.slice(1)}${meant}`
}
