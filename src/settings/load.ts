/**
 * Where settings come from, the most important first: flags, the environment, answers of the
 * wizard, frameworkd.ini, ossim.conf, ossim_setup.conf, rows of table config, built-in defaults.
 */
import { KnownError, systemCode } from '../errors.ts'
import type { Ids } from '../host/files/look.ts'
import { isReadableByOthers, readOperatorFile, readOperatorFileIfThere } from '../host/files/operator-files.ts'
import { readWithWriteCheck } from '../host/files/who-can-write.ts'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'
import { quoteForShell } from '../text/command-line.ts'
import { suggestion } from '../text/nearest-name.ts'
import { foreignText } from '../text/printable.ts'
import { Secret } from '../text/secret.ts'
import { definitionOf, kebabName, type SettingName, variableName } from './definitions.ts'
import { type ByteText, bytesOf, byteTextOf, readableText } from './files/byte-text.ts'
import { parseOssimConf, parseSetupConf } from './files/parse-conf.ts'
import { knownNames, parseSettingsFile } from './files/parse-ini.ts'
import { invalidSettings, type Password, resolveSettings, type Settings, type Source } from './resolve.ts'
import { requireAllowedPlaces } from './row-places.ts'
import { misspeltVariables } from './variables.ts'

export interface SettingsRequest {
  host: Host
  /** `--config`; undefined for the default, which may be missing. */
  configFile: string | undefined
  /** Settings given as flags. */
  flags: ReadonlyMap<SettingName, string>
  /** Answers of the wizard. */
  answers?: ReadonlyMap<SettingName, string>
  environment: Readonly<Record<string, string | undefined>>
  /** A password that was typed or came from `--db-password-file`, read once: standard input cannot be read twice. */
  typedPassword?: Omit<Password, 'keep'> | undefined
}

/** Settings as far as they are known without the store, and a method for those that depend on its rows. */
export interface LoadedSettings extends Settings {
  /** What is worth a warning in the sources. */
  readonly warnings: readonly string[]
  /**
   * The settings with the rows of table config, too; row-places.ts limits what these may name.
   * @param owner the service's account; called only where a row names a log folder that has to be the owner's
   * @throws KnownError `configuration` naming the row
   */
  withRows(rows: ReadonlyMap<string, Buffer | null>, owner: () => Ids): Settings
}

/**
 * Reads every source but the store.
 * @throws KnownError `configuration` for wrong values, all at once, and for a file that cannot be read
 */
export function loadSettings(request: SettingsRequest): LoadedSettings {
  const { host, flags, environment } = request
  const ossimConf = parseOssimConf(readByteText(host, paths.ossimConf))
  const setupConf = parseSetupConf(readByteText(host, paths.ossimSetupConf))
  const sources: Source[] = [
    { label: (name) => `--${kebabName(name)}`, get: (name) => flags.get(name), given: true },
    { label: variableName, get: (name) => readVariable(environment, name), given: true },
    { label: (name) => `answer for ${kebabName(name)}`, get: (name) => request.answers?.get(name), given: true },
    settingsFileSource(request),
    confSource(paths.ossimConf, (name) => definitionOf(name).ossimConf, ossimConf),
    confSource(paths.ossimSetupConf, (name) => definitionOf(name).setupConf, setupConf),
  ]
  const password = findPassword(request, ossimConf, setupConf)
  return {
    ...resolveSettings(sources, password),
    warnings: [...misspeltVariables(environment), ...(password?.warning === undefined ? [] : [password.warning])],
    withRows(rows, owner) {
      const settings = resolveSettings([...sources, rowSource(rows)], password)
      requireAllowedPlaces(settings, host, owner)
      return settings
    },
  }
}

/** The built-in defaults alone, for verbs that have to work while the settings are broken. */
export function defaultSettings(): LoadedSettings {
  const settings = resolveSettings([], undefined)
  return { ...settings, warnings: [], withRows: () => settings }
}

/** Reads the password of `--db-password-file`. It counts as one that was typed. */
export function readPasswordFile(path: string): Omit<Password, 'keep'> {
  return readPasswordOf('--db-password-file', path)
}

/** A password in a file that everybody can read is used, with a warning. */
function readPasswordOf(origin: string, path: string): Omit<Password, 'keep'> {
  const secret = passwordIn(readOperatorFile(path, origin))
  if (!isReadableByOthers(path)) return { secret, origin }
  return { secret, origin, warning: `every account can read the password in ${path}; chmod o= ${quoteForShell(path)}` }
}

function settingsFileSource({ host, configFile }: SettingsRequest): Source {
  const path = configFile ?? paths.settings
  // A relative path has no meaning below --root, nor for a daemon, whose working directory is /.
  if (!path.startsWith('/')) {
    throw new KnownError('configuration', `--config: ${path} is not an absolute path`, 'name it from / on')
  }
  const judged = asFarAsAllowed(host, path, () => readWithWriteCheck(host.tree, path))
  if (judged === undefined && configFile !== undefined) {
    throw new KnownError(
      'configuration',
      `--config: ${path} does not exist`,
      'name an existing file, or leave --config out',
    )
  }
  const file = parseSettingsFile(judged?.bytes.toString('utf8') ?? '')
  if (file.unknown.length > 0) {
    const named = file.unknown
      .slice(0, mostNamesListed)
      .map((name) => `${path}: ${foreignText(name)} is not a setting${suggestion(name, knownNames)}`)
    throw invalidSettings(named, `known settings: ${knownNames.join(', ')}`)
  }
  const open = judged?.writableAt
  const refusal = `may not be decided here: others than root can write ${open}`
  return {
    label: (name) => `${path}: ${kebabName(name)}`,
    get: (name) => file.values.get(name),
    given: false,
    ...(open !== undefined && { refusalOf: (name) => (definitionOf(name).connection ? undefined : refusal) }),
  }
}

/**
 * An empty variable counts as unset, and so does one that Kubernetes makes for a Service of our name:
 * `tcp://10.0.0.1:40003`.
 */
function readVariable(environment: SettingsRequest['environment'], name: SettingName): string | undefined {
  const text = environment[variableName(name)]
  return text === undefined || text === '' || /^(tcp|udp|sctp):\/\//i.test(text) ? undefined : text
}

/** So many unknown names are listed: a file that is no settings file may have very many. */
const mostNamesListed = 10

function confSource(
  path: string,
  nameIn: (name: SettingName) => string | undefined,
  values: ReadonlyMap<string, ByteText>,
): Source {
  return {
    label: (name) => `${path}: ${nameIn(name)}`,
    get: (name) => {
      const value = values.get(nameIn(name) ?? '')
      return value === undefined ? undefined : readableText(value)
    },
    given: false,
    isPrivate: true,
  }
}

/**
 * An empty row counts as missing, except that of the key file, where OSSIM's daemon refuses to start
 * (`Framework.py`).
 */
function rowSource(rows: ReadonlyMap<string, Buffer | null>): Source {
  return {
    label: (name) => `row ${definitionOf(name).row} of table config`,
    get: (name) => {
      const { row, refusesEmptyRow } = definitionOf(name)
      if (row === undefined || !rows.has(row)) return undefined
      const text = rows.get(row)?.toString('utf8') ?? ''
      return text === '' && !refusesEmptyRow ? undefined : text
    },
    given: false,
    isRow: true,
  }
}

function findPassword(
  request: SettingsRequest,
  ossimConf: ReadonlyMap<string, ByteText>,
  setupConf: ReadonlyMap<string, ByteText>,
): Password | undefined {
  const { typedPassword, environment } = request
  if (typedPassword) return { ...typedPassword, keep: true }
  const variable = environment.FRAMEWORKD_DB_PASSWORD_FILE
  if (variable) {
    const origin = 'FRAMEWORKD_DB_PASSWORD_FILE'
    if (variable === '-') throw readOnlyOnce(origin)
    return { ...readPasswordOf(origin, variable), keep: false }
  }
  const credentials = environment.CREDENTIALS_DIRECTORY
  if (credentials) {
    const origin = 'credential frameworkd.db-password'
    const bytes = readOperatorFileIfThere(`${credentials}/frameworkd.db-password`, origin)
    if (bytes !== undefined) return { secret: passwordIn(bytes), origin, keep: false }
  }
  return (
    keptPassword(paths.ossimConf, ossimConf.get('ossim_pass')) ??
    keptPassword(paths.ossimSetupConf, setupConf.get('pass'))
  )
}

/** Settings are read again for each attempt and each reload; standard input would be empty then. */
function readOnlyOnce(origin: string): KnownError {
  const hint = 'name a file, or hand the password to setup once: --db-password-file -'
  return new KnownError('configuration', `${origin}: - is standard input, which cannot be read again`, hint)
}

function keptPassword(origin: string, text: ByteText | undefined): Password | undefined {
  return text === undefined ? undefined : { secret: new Secret(bytesOf(text)), origin, keep: false }
}

/** Editors end a file with a newline; it is not part of the password. */
function passwordIn(bytes: Buffer): Secret {
  return new Secret(bytesOf(byteTextOf(bytes).replace(/\r?\n$/, '')))
}

function readByteText(host: Host, path: string): ByteText {
  return asFarAsAllowed(host, path, () => byteTextOf(host.files.read(path, { followLast: true })?.bytes ?? ''))
}

/** Tells people who forgot sudo. @throws KnownError `preflight` where this account may not read the path */
function asFarAsAllowed<T>(host: Host, path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const isRefused = error instanceof KnownError && systemCode(error.cause) === 'EACCES'
    if (!isRefused || host.privileged) throw error
    const message = `rights: ${path} may not be read by this account`
    throw new KnownError('preflight', message, 'run it as root (sudo)', { cause: error })
  }
}
