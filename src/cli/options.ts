/**
 * Every option of both programs, once: its name, value, choices, default and help, and the verbs that it has a
 * meaning for. The parser, the refusal of options without effect, the help, the manual pages, the completion, and
 * the options that `start` hands on to `run` are made from this list.
 */
import { logFormats } from '../daemon/logs/lines.ts'
import { adoptions } from '../key/reconcile.ts'
import { paths } from '../paths.ts'
import { definitionOf } from '../settings/definitions.ts'
import { logNames } from '../settings/values/log-files.ts'
import { preflightNames } from '../setup/preflight-name.ts'
import type { Options } from './option.ts'
import { startLimitSeconds, stopLimitSeconds } from './time-limits.ts'

export type SetupVerb =
  | 'apply'
  | 'check'
  | 'seal'
  | 'status'
  | 'uninstall'
  | 'config'
  | 'key export'
  | 'key verify'
  | 'key import'
  | 'key rotate'
export type DaemonVerb = 'run' | 'start' | 'stop' | 'restart' | 'reload' | 'status' | 'ping' | 'verify'

const common = {
  help: { kind: 'switch', group: 'general', short: 'h', help: 'show this help' },
  version: { kind: 'switch', group: 'general', help: 'show the version' },
  root: {
    kind: 'text',
    group: 'general',
    value: 'DIR',
    help: 'work on the tree below DIR; the running machine is not touched',
  },
} as const satisfies Options

const config = {
  kind: 'text',
  group: 'general',
  short: 'c',
  value: 'FILE',
  help: 'settings file',
  default: paths.settings,
} as const

const tasksVerbs = ['apply', 'check'] as const
const changingVerbs = [...tasksVerbs, 'seal', 'uninstall', 'key import', 'key rotate'] as const
const openingVerbs = ['key verify', 'key import'] as const
const sealedKeyVerbs = ['key export', ...openingVerbs] as const
/** The verbs that read the settings. */
const settingsVerbs = [...changingVerbs, 'config', 'key export', 'key verify'] as const

export const setupOptions = {
  'non-interactive': {
    kind: 'switch',
    group: 'questions',
    alias: 'no-input',
    help: 'never ask; a missing value is an error',
  },
  yes: {
    kind: 'switch',
    group: 'questions',
    short: 'y',
    help: 'accept every default, and destroy without asking; never decides a key conflict',
    verbs: [...tasksVerbs, 'seal', 'uninstall', 'key rotate'],
    onlyWith: ['purge'],
    aloneWith: [...tasksVerbs, 'seal', 'key rotate'],
  },
  reconfigure: {
    kind: 'switch',
    group: 'questions',
    help: 'ask everything again, with what is there as the default',
    verbs: ['apply'],
  },
  check: {
    kind: 'switch',
    group: 'what is done',
    short: 'C',
    alias: 'dry-run',
    help: 'say what would change, change nothing',
    verbs: changingVerbs,
  },
  diff: {
    kind: 'switch',
    group: 'output',
    short: 'D',
    help: 'show what changes, secrets masked',
    verbs: changingVerbs,
  },
  tags: {
    kind: 'text',
    group: 'what is done',
    short: 't',
    value: 'LIST',
    help: 'only tasks with one of these tags',
    verbs: tasksVerbs,
  },
  'skip-tags': {
    kind: 'text',
    group: 'what is done',
    value: 'LIST',
    help: 'no tasks with one of these tags',
    verbs: tasksVerbs,
  },
  'start-at-task': {
    kind: 'text',
    group: 'what is done',
    value: 'NAME',
    help: 'leave out the tasks before this one',
    verbs: tasksVerbs,
  },
  step: { kind: 'switch', group: 'questions', help: 'ask before each task', verbs: tasksVerbs },
  'list-tasks': { kind: 'switch', group: 'what is done', help: 'list the tasks and their tags', verbs: tasksVerbs },
  'ignore-preflight': {
    kind: 'text',
    group: 'what is done',
    value: 'LIST',
    help: `only warn where these checks fail: ${preflightNames.join(', ')}`,
    verbs: tasksVerbs,
  },
  'take-over': {
    kind: 'switch',
    group: 'what is done',
    help: 'stop ossim-framework, the original, and move its files aside; uninstall puts them back',
    verbs: tasksVerbs,
  },
  'detailed-exitcode': {
    kind: 'switch',
    group: 'output',
    help: 'exit 5 when something would change',
    verbs: changingVerbs,
    onlyWith: ['check'],
    aloneWith: ['check'],
  },
  store: {
    kind: 'text',
    group: 'database',
    value: 'KIND',
    setting: 'store',
    help: 'where table config lives',
    verbs: settingsVerbs,
  },
  'db-host': {
    kind: 'text',
    group: 'database',
    value: 'HOST[,HOST]',
    setting: 'dbHost',
    help: 'the database server, HOST or HOST:PORT; of several, the first that takes writes',
    verbs: settingsVerbs,
  },
  'db-port': {
    kind: 'text',
    group: 'database',
    value: 'PORT',
    setting: 'dbPort',
    help: 'its port, where HOST has none',
    verbs: settingsVerbs,
  },
  'db-socket': {
    kind: 'text',
    group: 'database',
    value: 'PATH',
    setting: 'dbSocket',
    help: 'its unix socket, instead of host and port',
    verbs: settingsVerbs,
  },
  'db-name': {
    kind: 'text',
    group: 'database',
    value: 'NAME',
    setting: 'dbName',
    help: 'the database',
    verbs: settingsVerbs,
  },
  'db-user': {
    kind: 'text',
    group: 'database',
    value: 'USER',
    setting: 'dbUser',
    help: 'the account on the server',
    verbs: settingsVerbs,
  },
  'db-password-file': {
    kind: 'text',
    group: 'database',
    value: 'FILE',
    help: 'where its password stands; - is standard input',
    verbs: settingsVerbs,
  },
  'db-ssl-mode': {
    kind: 'text',
    group: 'database',
    value: 'MODE',
    setting: 'dbSslMode',
    help: 'TLS; preferred unless a CA is given, then verify-identity',
    verbs: settingsVerbs,
  },
  'db-ssl-ca': {
    kind: 'text',
    group: 'database',
    value: 'FILE',
    setting: 'dbSslCa',
    help: 'use TLS, verified with this CA certificate',
    verbs: settingsVerbs,
  },
  'create-schema': {
    kind: 'switch',
    group: 'database',
    setting: 'createSchema',
    help: 'create table config and its default rows where missing',
    verbs: [...tasksVerbs, 'key import'],
  },
  'wait-for-db': {
    kind: 'text',
    group: 'database',
    value: 'SECONDS',
    setting: 'waitForDb',
    help: 'keep trying this long to reach the database, also when it goes away in the run',
    verbs: tasksVerbs,
  },
  'wait-for-lock': {
    kind: 'text',
    group: 'what is done',
    value: 'SECONDS',
    setting: 'waitForLock',
    help: 'wait this long for another run that is at work here',
    verbs: ['apply', 'key import', 'key rotate'],
    notWith: ['check'],
  },
  owner: {
    kind: 'text',
    group: 'service',
    value: 'USER[:GROUP]',
    setting: 'owner',
    help: 'owner of the key file and account of the service',
    verbs: settingsVerbs,
  },
  'key-source': {
    kind: 'text',
    group: 'key',
    value: 'SOURCE',
    setting: 'keySource',
    help: 'where a new key comes from',
    verbs: [...tasksVerbs, 'key rotate'],
  },
  backup: {
    kind: 'text',
    group: 'key',
    value: 'FILE',
    help: 'a sealed backup of the key that is replaced, which is opened first',
    verbs: ['key rotate'],
  },
  'no-backup': { kind: 'switch', group: 'key', help: 'replace the key without a sealed backup', verbs: ['key rotate'] },
  'leave-undecryptable': {
    kind: 'switch',
    group: 'key',
    help: 'leave values as they are that the key does not decrypt',
    verbs: ['key rotate'],
  },
  'no-second-look': {
    kind: 'switch',
    group: 'key',
    help: 'leave values of late writers to the next apply',
    verbs: ['key rotate'],
  },
  adopt: {
    kind: 'choice',
    group: 'key',
    value: 'SIDE',
    choices: adoptions,
    help: 'decide a key conflict',
    verbs: tasksVerbs,
  },
  to: {
    kind: 'text',
    group: 'key',
    value: 'FILE',
    help: 'a new file for the sealed key; - is standard output',
    verbs: ['key export'],
  },
  from: {
    kind: 'text',
    group: 'key',
    value: 'FILE',
    help: 'the sealed key; - is standard input',
    verbs: openingVerbs,
  },
  recipient: {
    kind: 'texts',
    group: 'key',
    value: 'AGE-RECIPIENT',
    help: 'who can open it, age1...; may be given several times',
    verbs: ['key export'],
  },
  identity: {
    kind: 'text',
    group: 'key',
    value: 'FILE',
    help: 'the identity of a recipient, as age-keygen makes it; with key export: to test that it opens the key',
    verbs: [...sealedKeyVerbs, 'key rotate'],
    onlyWith: ['recipient', 'backup'],
    aloneWith: openingVerbs,
  },
  'passphrase-file': {
    kind: 'text',
    group: 'key',
    value: 'FILE',
    help: 'file with the passphrase of the sealed key; - is standard input',
    verbs: [...sealedKeyVerbs, 'key rotate'],
    onlyWith: ['backup'],
    aloneWith: sealedKeyVerbs,
  },
  'for-image': {
    kind: 'switch',
    group: 'what is done',
    help: 'install everything, leave key and row to the first boot',
    verbs: tasksVerbs,
  },
  init: {
    kind: 'text',
    group: 'service',
    value: 'SYSTEM',
    setting: 'init',
    help: 'how the service is installed',
    verbs: changingVerbs,
  },
  output: {
    kind: 'choice',
    group: 'output',
    value: 'FORMAT',
    choices: ['text', 'json'],
    default: 'text',
    help: 'what is printed',
  },
  force: {
    kind: 'switch',
    group: 'what is done',
    help: 'go on although stored values depend on the key; key import: replace another good key',
    verbs: ['seal', 'uninstall', 'key import'],
    onlyWith: ['purge'],
    aloneWith: ['seal', 'key import'],
  },
  purge: { kind: 'switch', group: 'what is done', help: 'also remove logs, state and key file', verbs: ['uninstall'] },
  wait: { kind: 'switch', group: 'what is done', help: 'wait for the run at work to end', verbs: ['status'] },
  verbose: {
    kind: 'counter',
    group: 'output',
    short: 'v',
    help: 'also say where each setting comes from',
    verbs: tasksVerbs,
  },
  'no-color': { kind: 'switch', group: 'output', help: 'no colours, no live list' },
  config: { ...config, verbs: settingsVerbs },
  ...common,
} as const satisfies Options<SetupVerb>

/** The verbs that start a daemon, or make the checks for a start. */
const servingVerbs = ['run', 'start', 'restart', 'verify'] as const

export const daemonOptions = {
  port: {
    kind: 'text',
    group: 'service',
    short: 'p',
    value: 'PORT',
    setting: 'port',
    help: 'port to listen on',
    verbs: [...servingVerbs, 'ping'],
  },
  'listen-address': {
    kind: 'text',
    group: 'service',
    short: 'l',
    value: 'ADDRESS',
    setting: 'listenAddress',
    help: 'address to listen on',
    verbs: [...servingVerbs, 'ping'],
  },
  user: {
    kind: 'text',
    group: 'service',
    value: 'USER[:GROUP]',
    default: 'the owner',
    help: 'account to become when root starts it',
    verbs: servingVerbs,
  },
  pidfile: {
    kind: 'text',
    group: 'service',
    value: 'FILE',
    default: paths.pidfile,
    help: 'pidfile',
    verbs: [...servingVerbs, 'stop', 'status'],
  },
  log: {
    kind: 'text',
    group: 'logs',
    short: 'L',
    value: 'FILE',
    default: `${logNames[0]} in row ${definitionOf('logDir').row}`,
    help: 'log file; - is standard error alone',
    verbs: servingVerbs,
  },
  'log-format': {
    kind: 'choice',
    group: 'logs',
    value: 'FORMAT',
    choices: logFormats,
    default: 'text',
    help: 'format of log lines, in files and on the console',
    verbs: servingVerbs,
  },
  verbose: {
    kind: 'counter',
    group: 'logs',
    short: 'v',
    help: 'log more, such as where each setting comes from',
    verbs: servingVerbs,
  },
  timeout: {
    kind: 'text',
    group: 'service',
    value: 'SECONDS',
    default: `${startLimitSeconds}, of stop ${stopLimitSeconds}`,
    help: 'timeout, after which start and restart give up, and stop kills',
    verbs: ['start', 'restart', 'stop'],
  },
  json: { kind: 'switch', group: 'output', help: 'one JSON document', verbs: ['status', 'ping', 'verify'] },
  check: {
    kind: 'switch',
    group: 'what is done',
    help: 'exit 1 also when file and row no longer agree',
    verbs: ['status'],
  },
  daemon: {
    kind: 'switch',
    group: 'what is done',
    short: 'd',
    help: 'the same as verb start',
    verbs: ['start'],
    standsFor: 'start',
  },
  config: { ...config, verbs: [...servingVerbs, 'ping'] },
  ...common,
} as const satisfies Options<DaemonVerb>
