/** What an option is; which there are is in options.ts. */
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
  /** It is this setting, whose choices and default it has. */
  readonly setting?: SettingName
  /** The verbs that it says something to; all where it is absent. */
  readonly verbs?: readonly Verb[]
  /** It says something only beside one of these options. */
  readonly onlyWith?: readonly string[]
  /** The verbs to which it says something without them, too. */
  readonly aloneWith?: readonly Verb[]
  /** It says nothing beside one of these options. */
  readonly notWith?: readonly string[]
  /** It means a verb, where none is named. */
  readonly standsFor?: Verb
}

/** It is there or not. */
interface Switch {
  readonly kind: 'switch'
}

/** It may be given several times. */
interface Counter {
  readonly kind: 'counter'
}

interface Text {
  readonly kind: 'text'
  /** What its value is called in the help. */
  readonly value: string
  /** What holds without it, where it is no setting. */
  readonly default?: string
}

/** It may be given several times, each with a value. */
interface Texts {
  readonly kind: 'texts'
  readonly value: string
}

interface Choice {
  readonly kind: 'choice'
  readonly value: string
  readonly choices: readonly string[]
  /** What holds without it. */
  readonly default?: string
}

export type Option<Verb extends string = string> = Basics<Verb> & (Switch | Counter | Text | Texts | Choice)
export type Options<Verb extends string = string> = Readonly<Record<string, Option<Verb>>>

/** Whether an option says something to a verb. */
export function isOptionOf(verb: string, option: Option): boolean {
  return option.verbs?.includes(verb) ?? true
}
