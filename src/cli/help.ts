/** The help of a program, and of each verb: one screen each. */

import { standardOutput } from '../host/output/output.ts'
import { usualColumns, type Wrap, wrapTo } from '../text/wrap.ts'
import { isOptionOf, type Option, type Options, optionGroups } from './option.ts'
import { describeOption } from './option-help.ts'
import type { ProgramEntry } from './program.ts'

/** With fewer characters than this beside the option, its help goes below it. */
const narrowest = 20
const indentBelow = 8

/** What the program is for, its verbs, and where to read more. */
export async function programHelp<O extends Options, Verb extends string>(
  program: ProgramEntry<O, Verb>,
): Promise<string> {
  const wrap = wrapTo(standardOutput)
  const { name, purpose, verbs, options, usualVerb } = program
  const rows = (Object.keys(verbs) as Verb[]).map((verb) => [verb, verbs[verb].help] as const)
  const common = Object.entries(options).filter(([, option]) => option.group === 'general' && !option.verbs)
  return [
    `usage: ${name} ${usualVerb === undefined ? 'VERB' : '[VERB]'} [options]\n`,
    `${wrap(purpose, 0)}\n`,
    `${columns(rows, wrap)}`,
    ...(usualVerb === undefined ? [] : [`Without a verb: ${usualVerb}.\n`]),
    `${columns(common.map(rowOf), wrap)}`,
    `${wrap(`The options of a verb, an example and its exit codes: ${name} help VERB`, 0)}\n`,
  ].join('\n')
}

/** The verbs that begin with one word, such as `key`. */
export async function familyHelp<O extends Options, Verb extends string>(
  { name, verbs }: ProgramEntry<O, Verb>,
  family: string,
): Promise<string> {
  const wrap = wrapTo(standardOutput)
  const members = (Object.keys(verbs) as Verb[]).filter((verb) => verb.startsWith(`${family} `))
  return [
    `usage: ${name} ${family} VERB [options]\n`,
    columns(
      members.map((verb) => [verb, verbs[verb].help] as const),
      wrap,
    ),
    `${wrap(`The options of a verb, an example and its exit codes: ${name} help ${family} VERB`, 0)}\n`,
  ].join('\n')
}

/** One verb: its options in groups, examples, exit codes. */
export async function verbHelp<O extends Options, Verb extends string>(
  { name, verbs, options, usualVerb }: ProgramEntry<O, Verb>,
  verb: Verb,
): Promise<string> {
  const wrap = wrapTo(standardOutput)
  const { help, examples, exitCodes } = verbs[verb]
  const own = Object.entries(options).filter(([, option]) => isOptionOf(verb, option))
  const groups = optionGroups
    .map((group) => [group, own.filter(([, option]) => option.group === group)] as const)
    .filter(([, members]) => members.length > 0)
  const width = Math.max(...own.map((entry) => rowOf(entry)[0].length))
  const called = verb === usualVerb ? `${name} [${verb}]` : `${name} ${verb}`
  return [
    `usage: ${called} [options]\n`,
    `${wrap(`${help.charAt(0).toUpperCase()}${help.slice(1)}.`, 0)}\n`,
    ...groups.map(([group, members]) => `${group}:\n${columns(members.map(rowOf), wrap, width)}`),
    `${examples.length > 1 ? 'examples' : 'example'}:\n${examples.map((line) => `  ${line}\n`).join('')}`,
    `exit codes: ${wrap(exitCodes.join(', '), 'exit codes: '.length)}\n`,
  ].join('\n')
}

function rowOf([name, option]: readonly [string, Option]): readonly [string, string] {
  const alias = option.alias === undefined ? '' : `, --${option.alias}`
  const value = 'value' in option ? ` ${option.value}` : ''
  return [`${option.short ? `-${option.short}, ` : '    '}--${name}${alias}${value}`, describeOption(option)]
}

function columns(
  rows: readonly (readonly [string, string])[],
  wrap: Wrap,
  width = Math.max(...rows.map(([left]) => left.length)),
): string {
  const below = (standardOutput.columns ?? usualColumns) - width - 4 < narrowest
  return rows
    .map(([left, text]) => {
      if (below) return `  ${left}\n${' '.repeat(indentBelow)}${wrap(text, indentBelow)}\n`
      return `  ${left.padEnd(width)}  ${wrap(text, width + 4)}\n`
    })
    .join('')
}
