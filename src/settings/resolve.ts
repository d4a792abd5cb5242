import { KnownError, messageOf } from '../errors.ts'
import { quotedForeignText } from '../text/printable.ts'
import type { Secret } from '../text/secret.ts'
import { definitionOf, type SettingName, settingNames, type Values } from './definitions.ts'
import { InvalidValue } from './values/invalid-value.ts'

/** One place that settings come from. */
export interface Source {
  /** The name of the source in a message about one setting: `--db-port`, `/etc/…/ossim.conf: ossim_port`. */
  label(name: SettingName): string
  get(name: SettingName): string | undefined
  /** A person gave it for this run (flag, environment, wizard): apply keeps it for the next ones. */
  given: boolean
  /** It is a row of table config, which may name only some paths (row-places.ts). */
  isRow?: true
  /** Not everybody may read it, so its values are not shown. */
  isPrivate?: boolean
  /** Why it may not decide about a setting, to complete "LABEL …"; absent where it may decide about all settings. */
  refusalOf?(name: SettingName): string | undefined
}

/** The database password and where it came from. */
export interface Password {
  secret: Secret
  origin: string
  /** It was typed or came from `--db-password-file`: apply keeps it in ossim.conf. */
  keep: boolean
  /** A warning that others can read the file of the password. */
  warning?: string
}

/** All settings, validated, each with its source. */
export interface Settings extends Values {
  /** The label of the source of each value; `default` for the built-in ones, and where there is none. */
  readonly sources: Readonly<Record<SettingName, string>>
  readonly given: ReadonlySet<SettingName>
  /** The settings that come from rows of table config. */
  readonly ofRows: ReadonlySet<SettingName>
  readonly password: Password | undefined
}

/**
 * Takes each setting from the first source that has it.
 * @param sources the most important first
 * @throws KnownError `configuration` with every wrong value, each with its source
 */
export function resolveSettings(sources: readonly Source[], password: Password | undefined): Settings {
  const values: Partial<Record<SettingName, unknown>> = {}
  const labels: Partial<Record<SettingName, string>> = {}
  const given = new Set<SettingName>()
  const ofRows = new Set<SettingName>()
  const problems: string[] = []
  for (const name of settingNames) {
    const found = find(name, name === 'dbPort' ? sourcesOfPort(sources) : sources)
    labels[name] = found?.source.label(found.saidBy) ?? 'default'
    if (found?.source.given) given.add(name)
    if (found?.source.isRow) ofRows.add(name)
    const text = found?.text ?? definitionOf(name).fallback
    if (text === undefined) continue
    const refusal = found?.source.refusalOf?.(found.saidBy)
    if (refusal !== undefined) {
      problems.push(`${labels[name]} ${refusal}`)
      continue
    }
    try {
      values[name] = definitionOf(name).parse(text)
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      const shown = found?.source.isPrivate ? 'its value, hidden,' : quotedForeignText(text)
      problems.push(`${labels[name]}: ${shown} ${messageOf(error)}`)
    }
  }
  if (problems.length > 0) throw invalidSettings(problems)
  if (!prefersSocket(sources)) delete values.dbSocket
  return { ...(values as Values), sources: labels as Record<SettingName, string>, given, ofRows, password }
}

/** A value as it would be typed; empty where there is none. */
export function textOfValue(settings: Settings, name: SettingName): string {
  const value = settings[name]
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === undefined) return ''
  return definitionOf(name).show?.(value) ?? String(value)
}

/** One error for all wrong settings. */
export function invalidSettings(
  problems: readonly string[],
  hint = 'correct what is named, then run again',
): KnownError {
  const message =
    problems.length === 1 ? String(problems[0]) : `${problems.length} settings are wrong:\n  ${problems.join('\n  ')}`
  return new KnownError('configuration', message, hint)
}

/** `saidBy` is the setting that the source has: the one that was looked for, or another that implies its value. */
interface Found {
  source: Source
  text: string
  saidBy: SettingName
}

function find(name: SettingName, sources: readonly Source[]): Found | undefined {
  for (const [index, source] of sources.entries()) {
    const text = source.get(name)
    if (text !== undefined) return { source, text, saidBy: name }
    const implied = implications[name]?.find(({ by }) => source.get(by) !== undefined)
    if (!implied) continue
    const lesser = find(name, sources.slice(index + 1))
    return lesser && implied.agreesWith?.test(lesser.text) ? lesser : { source, text: implied.text, saidBy: implied.by }
  }
  return undefined
}

interface Implication {
  by: SettingName
  text: string
  /** What a less important source may say instead. */
  agreesWith?: RegExp
}

/** A source that names a server also means store mysql; one that names a CA also means that the server is verified. */
const implications: Partial<Record<SettingName, readonly Implication[]>> = {
  store: [
    { by: 'dbHost', text: 'mysql' },
    { by: 'dbSocket', text: 'mysql' },
  ],
  dbSslMode: [{ by: 'dbSslCa', text: 'verify-identity', agreesWith: /^verify/ }],
}

/** A port belongs to the host of its source: where a more important source names another host, the port is ignored. */
function sourcesOfPort(sources: readonly Source[]): readonly Source[] {
  const host = sources.map((source) => source.get('dbHost')).find((text) => text !== undefined)
  return sources.filter((source) => [undefined, host].includes(source.get('dbHost')))
}

/** A socket counts unless a more important source names a host. */
function prefersSocket(sources: readonly Source[]): boolean {
  const source = sources.find((one) => one.get('dbSocket') !== undefined || one.get('dbHost') !== undefined)
  return source?.get('dbSocket') !== undefined
}
