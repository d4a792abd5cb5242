/**
 * Every setting: its form, its default and its name in each source. The flag of `dbHost` is
 * `--db-host`, its variable `FRAMEWORKD_DB_HOST`, its line in frameworkd.ini `db-host = …`.
 */

import { paths } from '../paths.ts'
import { isAccountId, isAccountName } from '../text/account-name.ts'
import { unprintable } from '../text/printable.ts'
import { isHostName } from './values/host-name.ts'
import { InvalidValue } from './values/invalid-value.ts'
import { normalServers } from './values/servers.ts'

interface Definition<T> {
  parse(text: string): T
  /** The possible values, where they are a few words. */
  choices?: readonly string[]
  /** The value as people write it, where String(value) is not that. */
  show?(value: T): string
  /** The built-in default, as text. */
  fallback?: string
  /** Its name in ossim.conf. */
  ossimConf?: string
  /** Its name in section `[database]` of ossim_setup.conf. */
  setupConf?: string
  /** Its row in table `config`, which createSchema makes with the default. */
  row?: string
  /** OSSIM has no such row: it is read where somebody has made it, and createSchema does not make it. */
  isRowOptional?: true
  /** An empty row is a wrong value, and does not count as a missing row. */
  refusesEmptyRow?: true
  /** It is part of the connection to the database: a settings file that others than root can write may set it, too. */
  connection?: true
  /** It counts for one run, and is not kept for the next. */
  ofRun?: true
}

const keySources = ['auto', 'system-id', 'random'] as const
const initSystems = ['auto', 'systemd', 'sysv', 'none'] as const
const storeKinds = ['mysql', 'sqlite'] as const
/** As MySQL's client has them. */
const sslModes = ['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'] as const

const definitions = {
  store: { ...oneOf(storeKinds), connection: true },
  dbHost: {
    parse: normalServers,
    fallback: '127.0.0.1',
    ossimConf: 'ossim_host',
    setupConf: 'db_ip',
    connection: true,
  },
  dbPort: { parse: port, fallback: '3306', ossimConf: 'ossim_port', connection: true },
  dbSocket: { parse: absolutePath, connection: true },
  dbName: { parse: word, fallback: 'alienvault', ossimConf: 'ossim_base', connection: true },
  dbUser: { parse: word, ossimConf: 'ossim_user', setupConf: 'user', connection: true },
  dbSslMode: { ...oneOf(sslModes), connection: true },
  dbSslCa: { parse: absolutePath, connection: true },
  owner: { parse: parseAccount, fallback: 'www-data' },
  keySource: { ...oneOf(keySources), fallback: 'auto' },
  init: { ...oneOf(initSystems), fallback: 'auto' },
  createSchema: { parse: yesOrNo, fallback: 'no' },
  waitForDb: { parse: seconds, fallback: '0', ofRun: true },
  waitForLock: { parse: seconds, fallback: '0', ofRun: true },
  keyFile: {
    parse: absolutePath,
    fallback: paths.keyFile,
    row: 'frameworkd_keyfile',
    refusesEmptyRow: true,
  },
  listenAddress: { parse: hostName, fallback: '127.0.0.1', row: 'frameworkd_address' },
  port: { parse: port, fallback: '40003', row: 'frameworkd_port' },
  listener: { parse: yesOrNo, fallback: '1', row: 'frameworkd_listener' },
  logDir: { parse: absolutePath, fallback: `${paths.logs}/`, row: 'frameworkd_log_dir' },
  logMode: { parse: fileMode, show: octal, fallback: '0644', row: 'frameworkd_log_mode', isRowOptional: true },
  /** How often the daemon looks whether file and row still agree; 0: never. */
  driftEvery: { parse: seconds, fallback: '60' },
} as const satisfies Record<string, Definition<unknown>>

export type SettingName = keyof typeof definitions
export const settingNames = Object.keys(definitions) as SettingName[]

/** The parsed values; a setting without a default may be undefined. */
export type Values = {
  readonly [N in SettingName]: (typeof definitions)[N] extends { fallback: string }
    ? ReturnType<(typeof definitions)[N]['parse']>
    : ReturnType<(typeof definitions)[N]['parse']> | undefined
}

/** A definition without its exact type, for code that goes through all of them. */
export function definitionOf(name: SettingName): Definition<unknown> {
  return definitions[name]
}

/** The names of rows of table `config` that settings are read from. */
export const settingRows: readonly string[] = settingNames.flatMap((name) => definitionOf(name).row ?? [])

/** The rows that OSSIM has from the start, with their default values: name, value. */
export const defaultRows: readonly (readonly [name: string, value: string])[] = settingNames
  .map((name) => definitionOf(name))
  .flatMap(({ row, fallback, isRowOptional }) =>
    row === undefined || fallback === undefined || isRowOptional ? [] : [[row, fallback] as const],
  )

/** `dbHost` as a flag and in frameworkd.ini: `db-host`. */
export function kebabName(name: SettingName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `dbHost` in the environment: `FRAMEWORKD_DB_HOST`. */
export function variableName(name: SettingName): string {
  return `FRAMEWORKD_${kebabName(name).replaceAll('-', '_').toUpperCase()}`
}

function oneOf<const T extends string>(choices: readonly T[]): { choices: readonly T[]; parse(text: string): T } {
  return {
    choices,
    parse(text) {
      const found = choices.find((one) => one === text)
      if (found === undefined) throw new InvalidValue(`is not one of ${choices.join(', ')}`)
      return found
    },
  }
}

function word(text: string): string {
  if (text === '' || text.length > 255 || /\s/.test(text) || unprintable.test(text))
    throw new InvalidValue('is empty, too long or has white space in it')
  return text
}

function hostName(text: string): string {
  if (isHostName(text)) return text
  throw new InvalidValue('is not an IP address or a host name')
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > 65535) throw new InvalidValue('is not a port (1 to 65535)')
  return number
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidValue('is not a number of seconds (0 to 999999)')
  return Number(text)
}

function yesOrNo(text: string): boolean {
  if (/^(1|yes|true|on)$/i.test(text)) return true
  if (/^(0|no|false|off)$/i.test(text)) return false
  throw new InvalidValue('is not yes or no')
}

function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new InvalidValue('is not an absolute path')
  if (unprintable.test(text) || text.length > 4095) throw new InvalidValue('is not a usable path')
  return text
}

/** `USER[:GROUP]`, by names or numbers. @throws InvalidValue */
export function parseAccount(text: string): string {
  const names = text.split(':')
  if (names.length > 2 || !names.every((name) => isAccountName(name) || isAccountId(name)))
    throw new InvalidValue('is not USER or USER:GROUP')
  return text
}

/** A mode for log files: never more than 0644, always readable and writable by the owner. */
function fileMode(text: string): number {
  const mode = /^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : -1
  if (mode < 0 || (mode & 0o600) !== 0o600 || (mode & ~0o644) !== 0)
    throw new InvalidValue('is not a mode from 0600 to 0644')
  return mode
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`
}
