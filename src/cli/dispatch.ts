/** From argv to a verb: the same for both programs. */
import { KnownError } from '../errors.ts'
import { standardOutput } from '../host/output/output.ts'
import { readPackageVersion } from '../product/package.ts'
import { suggestion } from '../text/nearest-name.ts'
import type { Options } from './option.ts'
import { type ParsedOptions, parseOptions, requireEffect } from './parse-options.ts'
import type { ProgramEntry } from './program.ts'

/** What argv asks for: a verb with its options, or a text to print. */
export type Invocation<O extends Options, Verb extends string> =
  | { print: string }
  | { verb: Verb; given: ParsedOptions<O>; run(): Promise<number> }

/**
 * Reads argv: `VERB [options]`, `help [VERB]`, `VERB --help`, `version`. Of `key`, with which several verbs begin,
 * help lists those.
 * @throws KnownError `usage` for an unknown verb or option, and for one that would be without effect
 */
export async function readInvocation<O extends Options, Verb extends string>(
  program: ProgramEntry<O, Verb>,
  argv: readonly string[],
): Promise<Invocation<O, Verb>> {
  const given = parseOptions(argv, program.options)
  const [first, ...rest] = given.words
  if (first === 'version' || given.isSet('version')) return { print: `${program.name} ${readPackageVersion()}\n` }
  if (first === 'help' || given.isSet('help')) {
    const words = first === 'help' ? rest : given.words
    const { familyHelp, programHelp, verbHelp } = await import('./help.ts')
    if (words.length === 0) return { print: await programHelp(program) }
    const said = words.join(' ')
    if (isFamily(program, said)) return { print: await familyHelp(program, said) }
    return { print: await verbHelp(program, readVerb(program, words)) }
  }
  const verb = given.words.length === 0 ? unnamedVerb(program, given) : readVerb(program, given.words)
  if (verb === undefined) throw new KnownError('usage', 'a verb is missing', verbHint(program))
  requireEffect(verb, given, program.options)
  return { verb, given, run: async () => (await program.verbs[verb].load())(given) }
}

/** Prints what was asked for, or runs the verb. @returns the exit code */
export async function runInvocation<O extends Options, Verb extends string>(
  invocation: Invocation<O, Verb>,
): Promise<number> {
  if ('run' in invocation) return invocation.run()
  standardOutput.write(invocation.print)
  return 0
}

function unnamedVerb<O extends Options, Verb extends string>(
  { options, usualVerb }: ProgramEntry<O, Verb>,
  given: ParsedOptions<O>,
): Verb | undefined {
  const meant = Object.entries(options).find(([name, { standsFor }]) => standsFor !== undefined && given.isSet(name))
  return (meant?.[1].standsFor as Verb | undefined) ?? usualVerb
}

function readVerb<O extends Options, Verb extends string>(
  program: ProgramEntry<O, Verb>,
  words: readonly string[],
): Verb {
  const known = Object.keys(program.verbs) as Verb[]
  const said = words.join(' ')
  const verb = known.find((one) => one === said)
  if (verb !== undefined) return verb
  const begun = known.find((one) => said.startsWith(`${one} `))
  if (begun !== undefined)
    throw new KnownError('usage', `${said.slice(begun.length + 1)} is one word too many`, 'see --help')
  throw new KnownError('usage', `${said} is not a verb${suggestion(said, known)}`, verbHint(program))
}

/** Whether several verbs begin with that word. */
function isFamily({ verbs }: { verbs: object }, said: string): boolean {
  return Object.keys(verbs).some((verb) => verb.startsWith(`${said} `))
}

function verbHint({ verbs }: { verbs: object }): string {
  return `the verbs are ${Object.keys(verbs).join(', ')}; see --help`
}
