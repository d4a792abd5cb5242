/** The type of an option; options.ts lists the options. */
import type { SettingName } from '../settings/definitions.ts'

/** In the order of the help. */
export const optionGroups = [
  'questions',
  'what is done',
  'database',
  'key',
  'service',
  'logs',
  'output',
  'general',
] as const

type OptionGroup = (typeof optionGroups)[number]

interface Basics<Verb extends string> {
  /** One letter. */
  readonly short?: string
  /** Another spelling. */
  readonly alias?: string
  /** In lower case, without an end; choices and default are added to it. */
  readonly help: string
  /** Where it stands in the help. */
  readonly group: OptionGroup
  /** The setting that it sets, whose choices and default it has. */
  readonly setting?: SettingName
  /** The verbs that it has a meaning for; absent: all of them. */
  readonly verbs?: readonly Verb[]
  /** It has a meaning only beside one of these options. */
  readonly onlyWith?: readonly string[]
  /** The verbs for which it has a meaning without them, too. */
  readonly aloneWith?: readonly Verb[]
  /** It has no meaning beside one of these options. */
  readonly notWith?: readonly string[]
  /** The verb that it stands for, where the command line names none. */
  readonly standsFor?: Verb
}

/** An option without a value. */
interface Switch {
  readonly kind: 'switch'
}

/** An option without a value that may be given several times. */
interface Counter {
  readonly kind: 'counter'
}

interface Text {
  readonly kind: 'text'
  /** The name of its value in the help. */
  readonly value: string
  /** The default, where it sets no setting. */
  readonly default?: string
}

/** An option with a value that may be given several times. */
interface Texts {
  readonly kind: 'texts'
  readonly value: string
}

interface Choice {
  readonly kind: 'choice'
  readonly value: string
  readonly choices: readonly string[]
  /** The default. */
  readonly default?: string
}

export type Option<Verb extends string = string> = Basics<Verb> & (Switch | Counter | Text | Texts | Choice)
export type Options<Verb extends string = string> = Readonly<Record<string, Option<Verb>>>

/** Whether an option has a meaning for a verb. */
export function isOptionOf(verb: string, option: Option): boolean {
  return option.verbs?.includes(verb) ?? true
}
