/** The type of a program: its verbs and options. */
import type { ProgramName } from '../product/own-program.ts'
import type { Options } from './option.ts'
import type { ParsedOptions } from './parse-options.ts'

/** A verb; its code is loaded only when it runs. */
export interface VerbEntry<O extends Options> {
  /** In lower case, without an end. */
  readonly help: string
  /** Command lines that show what it is for. */
  readonly examples: readonly string[]
  /** Its exit codes with their meaning: `0 done`. */
  readonly exitCodes: readonly string[]
  load(): Promise<(given: ParsedOptions<O>) => Promise<number>>
}

export interface ProgramEntry<O extends Options, Verb extends string> {
  readonly name: ProgramName
  /** What the program is for, in a sentence. */
  readonly purpose: string
  readonly options: O
  readonly verbs: Readonly<Record<Verb, VerbEntry<O>>>
  /** The verb where none is named; absent where one has to be. */
  readonly usualVerb?: Verb
}
