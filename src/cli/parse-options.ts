/** Parses the command line by a table of options; a name that is not in the table does not compile. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { KnownError, messageOf, systemCode } from '../errors.ts'
import type { SettingName } from '../settings/definitions.ts'
import { suggestion } from '../text/nearest-name.ts'
import { isOptionOf, type Option, type Options } from './option.ts'

type NameOf<O extends Options, Kind extends Option['kind']> = {
  [Name in keyof O & string]: O[Name]['kind'] extends Kind ? Name : never
}[keyof O & string]

type ChoicesOf<O extends Option> = O extends { readonly choices: readonly (infer Word)[] } ? Word : never

/** The options and words of a command line. */
export interface ParsedOptions<O extends Options> {
  /** The words that are no options. */
  readonly words: readonly string[]
  isSet(name: keyof O & string): boolean
  /** How often it was given. */
  count(name: NameOf<O, 'counter'>): number
  text(name: NameOf<O, 'text'>): string | undefined
  /** Every value that was given, in order. */
  texts(name: NameOf<O, 'texts'>): readonly string[]
  /** The word that was chosen, or the default. @throws KnownError `usage` for another word */
  choice<Name extends NameOf<O, 'choice'>>(
    name: Name,
  ): ChoicesOf<O[Name]> | (O[Name] extends { readonly default: string } ? never : undefined)
  /** The settings that were given, as texts; a switch is `yes`. */
  settings(): Map<SettingName, string>
  /** Options as they would be given again, in the order of the names. */
  again(names: readonly (keyof O & string)[]): string[]
}

/** Parses argv by a table. @throws KnownError `usage` for an unknown option, and for a missing or empty value */
export function parseOptions<O extends Options>(argv: readonly string[], known: O): ParsedOptions<O> {
  const { values, positionals } = parse(argv, known)
  const empty = Object.keys(values).find((name) => [values[name]].flat().includes(''))
  // Most often it is an unset variable of a script. As `--root` it would mean the working folder.
  if (empty !== undefined) throw new KnownError('usage', `--${empty}: its value is empty`, 'see --help')
  const find = (name: string) => {
    const alias = known[name]?.alias
    return values[name] ?? (alias === undefined ? undefined : values[alias])
  }
  const textOf = (name: string) => {
    const value = find(name)
    return typeof value === 'string' ? value : undefined
  }
  const textsOf = (name: string) => [find(name) ?? []].flat().filter((value) => typeof value === 'string')
  const count = (name: string) => [find(name) ?? []].flat().length
  return {
    words: positionals,
    isSet: (name) => find(name) !== undefined,
    count,
    text: textOf,
    texts: textsOf,
    choice(name) {
      const option = known[name] as Extract<Option, { kind: 'choice' }>
      const text = textOf(name) ?? option.default
      if (text !== undefined && !option.choices.includes(text)) throw notAChoice(name, text, option.choices)
      return text as ReturnType<ParsedOptions<O>['choice']>
    },
    settings() {
      const found = new Map<SettingName, string>()
      for (const [name, { setting }] of Object.entries(known))
        if (setting !== undefined && find(name) !== undefined) found.set(setting, textOf(name) ?? 'yes')
      return found
    },
    again: (names) =>
      names.flatMap((name) => {
        const texts = textsOf(name)
        return texts.length === 0
          ? Array<string>(count(name)).fill(`--${name}`)
          : texts.map((text) => `--${name}=${text}`)
      }),
  }
}

/** @throws KnownError `usage` for an option that would have no effect: whoever gave it expects one */
export function requireEffect<O extends Options>(verb: string, given: ParsedOptions<O>, known: O): void {
  for (const [name, option] of Object.entries(known)) {
    if (!given.isSet(name)) continue
    if (!isOptionOf(verb, option)) {
      const hint = `it is one of ${option.verbs?.join(', ')}; see --help`
      throw new KnownError('usage', `--${name} is no option of ${verb}`, hint)
    }
    const { onlyWith, aloneWith, notWith } = option
    const silencing = notWith?.find((other) => given.isSet(other))
    if (silencing !== undefined)
      throw new KnownError('usage', `--${name} has no effect with --${silencing}`, 'leave one of them out')
    if (!onlyWith || aloneWith?.includes(verb) || onlyWith.some((other) => given.isSet(other))) continue
    const others = onlyWith.filter((other) => known[other] && isOptionOf(verb, known[other]))
    const named = others.map((other) => `--${other}`).join(' or ')
    throw new KnownError('usage', `--${name} has no effect without ${named}`, 'see --help')
  }
}

function notAChoice(name: string, text: string, choices: readonly string[]): KnownError {
  return new KnownError('usage', `--${name}: ${JSON.stringify(text)} is not one of ${choices.join(', ')}`, 'see --help')
}

function parse(argv: readonly string[], options: Options) {
  const table: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, { kind, short, alias }] of Object.entries(options)) {
    const type = kind === 'switch' || kind === 'counter' ? 'boolean' : 'string'
    const multiple = kind === 'counter' || kind === 'texts'
    table[name] = { type, ...(short && { short }), ...(multiple && { multiple }) }
    if (alias !== undefined) table[alias] = { type }
  }
  try {
    return parseArgs({ args: [...argv], options: table, allowPositionals: true, strict: true })
  } catch (error) {
    if (!systemCode(error)?.startsWith('ERR_PARSE_ARGS')) throw error
    throw new KnownError('usage', explainRefusal(messageOf(error), options), 'see --help', { cause: error })
  }
}

/** What is wrong with argv, in one line; Node's own message about a missing or extra value has several. */
function explainRefusal(message: string, options: Options): string {
  const named = /--[\w-]+/.exec(message)?.[0]
  const option = Object.entries(options).find(([name, { alias }]) => named === `--${name}` || named === `--${alias}`)
  if (option)
    return 'value' in option[1] ? `${named} needs a value: ${named}=${option[1].value}` : `${named} takes no value`
  const [unknown = ''] = message.split('. ')
  const known = Object.keys(options).map((name) => `--${name}`)
  const meant = named === undefined ? '' : suggestion(named, known)
  return `${unknown.charAt(0).toLowerCase()}${unknown.slice(1)}${meant}`
}
