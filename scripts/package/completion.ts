/** Completion for bash, zsh and fish, from the list of options: each verb is offered only its own options. */
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { isOptionOf, type Option, type Options } from '../../src/cli/option.ts'
import { choicesOf, describeOption } from '../../src/cli/option-help.ts'
import { program as setup } from '../../src/cli/setup/main.ts'
import { preflightNames } from '../../src/setup/preflight-name.ts'
import { tasks } from '../../src/setup/tasks.ts'

interface Program {
  name: string
  verbs: readonly string[]
  /** What each verb is for. */
  helps: Readonly<Record<string, string>>
  usualVerb: string | undefined
  options: Options
}

export const programs: readonly Program[] = [daemon, setup].map(({ name, verbs, usualVerb, options }) => ({
  name,
  verbs: Object.keys(verbs),
  helps: Object.fromEntries(Object.entries(verbs).map(([verb, { help }]) => [verb, help])),
  usualVerb,
  options,
}))

/** The possible values of options that take our own names (tasks, tags, checks). */
const namesOf: Readonly<Record<string, readonly string[]>> = {
  tags: [...new Set(tasks.flatMap((task) => task.tags))].sort(),
  'skip-tags': [...new Set(tasks.flatMap((task) => task.tags))].sort(),
  'start-at-task': tasks.map((task) => task.name),
  'ignore-preflight': preflightNames,
}

/** The first words of all verbs, and the second words of verbs with two, by their first word. */
function wordsOfVerbs(verbs: readonly string[]): { first: string[]; second: Map<string, string[]> } {
  const second = new Map<string, string[]>()
  for (const verb of verbs) {
    const [one = '', other] = verb.split(' ')
    if (other !== undefined) second.set(one, [...(second.get(one) ?? []), other])
  }
  const first = new Set(verbs.map((verb) => verb.split(' ', 1).join()))
  return { first: [...first, 'help', 'version'], second }
}

/** bash-completion(7): one function a program, in a file of its name. */
export function bashCompletion({ name, verbs, usualVerb, options }: Program): string {
  const rows = Object.entries(options)
  const values = rows.filter(([, option]) => 'value' in option).map(bashValue)
  const functionName = `_${name.replaceAll('-', '_')}`
  const ofVerbs = verbs.map((verb) => `        '${verb}') words='${flagsOf(verb, options).join(' ')}' ;;`)
  // The word before it and the word itself; before the first one nothing stands.
  const ends = verbs.map(
    (verb) => `      ${verb.includes(' ') ? `'${verb}'` : `*' ${verb}'`}) verb='${verb}'; break ;;`,
  )
  const { first, second } = wordsOfVerbs(verbs)
  const afterFirst = [...second].map(([one, others]) => `        ${one}) words='${others.join(' ')}' ;;\n`)
  const all = rows.map(([flag]) => `--${flag}`).join(' ')
  return `# shellcheck shell=bash disable=SC2207
${functionName}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb=${usualVerb ?? "''"} words one last=''
  COMPREPLY=()
  case $before in
${values.join('\n')}
  esac
  for one in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$last $one" in
${ends.join('\n')}
    esac
    last=$one
  done
  case $word in
    -*)
      case $verb in
${ofVerbs.join('\n')}
        *) words='${all}' ;;
      esac ;;
    *)
      case $before in
${afterFirst.join('')}        *) words='${first.join(' ')}' ;;
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F ${functionName} ${name}
`
}

function bashValue([flag, option]: readonly [string, Option]): string {
  const pattern = spellings(flag, option.short).join('|')
  const words = wordsOf(flag, option)
  const reply = words
    ? `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word"))`
    : isFolder(option)
      ? 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$word"))'
      : isFile(option)
        ? 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word"))'
        : undefined
  return `    ${pattern}) ${reply === undefined ? '' : `${reply}; `}return ;;`
}

/** zshcompsys(1): _arguments with a line an option, for each verb. */
export function zshCompletion({ name, verbs, usualVerb, options }: Program): string {
  const { first, second } = wordsOfVerbs(verbs)
  const branch = (pattern: string, rows: readonly (readonly [string, Option])[], others?: readonly string[]) =>
    [
      `  ${pattern})`,
      '    _arguments \\',
      ...rows.flatMap(zshLines),
      ...(others ? [`      '2:verb:(${others.join(' ')})' \\`] : []),
      `      '1:verb:(${first.join(' ')})' ;;`,
    ].join('\n')
  const own = (verb: string) => Object.entries(options).filter(([, option]) => isOptionOf(verb, option))
  const branches = verbs
    .filter((verb) => verb !== usualVerb)
    .map((verb) => branch(`'${verb}'`, own(verb), second.get(verb.split(' ', 1).join())))
  const begun = [...second].map(([one, others]) => branch(`'${one} '*`, [], others))
  const rest = usualVerb === undefined ? Object.entries(options) : own(usualVerb)
  const firstWords = first.filter((word) => !['help', 'version'].includes(word)).join('|')
  const isBegun = [...second.keys()].join('|')
  return `#compdef ${name}
local verb=\${words[(r)(${firstWords})]}
${isBegun === '' ? '' : `case $verb in ${isBegun}) verb="$verb \${words[\${words[(i)$verb]}+1]}" ;; esac\n`}case $verb in
${[...branches, ...begun, branch('*', rest)].join('\n')}
esac
`
}

function zshLines([flag, option]: readonly [string, Option]): string[] {
  const text = describeOption(option).replace(/[[\]:'\\]/g, '')
  const words = wordsOf(flag, option)
  const action = words ? `(${words.join(' ')})` : isFolder(option) ? '_files -/' : isFile(option) ? '_files' : ' '
  const value = 'value' in option ? `:${option.value}:${action}` : ''
  const again = option.kind === 'texts' ? '*' : ''
  return spellings(flag, option.short).map((spelling) => `      '${again}${spelling}[${text}]${value}' \\`)
}

/** complete(1) of fish: a line a verb, and a line an option with the verbs that take it. */
export function fishCompletion({ name, verbs, helps, usualVerb, options }: Program): string {
  const { first, second } = wordsOfVerbs(verbs)
  const firsts = first.map((word) => {
    const help =
      helps[word] ?? (word === 'help' ? 'show the help of a verb' : word === 'version' ? 'show the version' : '')
    return `complete -c ${name} -n __fish_use_subcommand -a ${word}${help === '' ? '' : ` -d ${quoted(help)}`}`
  })
  const seconds = [...second].flatMap(([one, others]) =>
    others.map((other) => {
      const isNext = `__fish_seen_subcommand_from ${one}; and not __fish_seen_subcommand_from ${others.join(' ')}`
      return `complete -c ${name} -n '${isNext}' -a ${other} -d ${quoted(helps[`${one} ${other}`] ?? '')}`
    }),
  )
  const seen = (verb: string) =>
    `begin; ${verb.replace(/^|(?<= )/g, '__fish_seen_subcommand_from ').replace(/ (?=__)/, '; and ')}; end`
  const unnamed = `not __fish_seen_subcommand_from ${first.join(' ')}`
  const lines = Object.entries(options).map(([flag, option]) => {
    const taken = verbs.filter((verb) => isOptionOf(verb, option))
    const conditions = [...taken.map(seen), ...(usualVerb !== undefined && taken.includes(usualVerb) ? [unnamed] : [])]
    const when = taken.length === verbs.length ? '' : ` -n '${conditions.join('; or ')}'`
    const short = option.short ? ` -s ${option.short}` : ''
    return `complete -c ${name}${when} -l ${flag}${short}${fishValue(flag, option)} -d ${quoted(describeOption(option))}`
  })
  return `${[`complete -c ${name} -f`, ...firsts, ...seconds, ...lines].join('\n')}\n`
}

function fishValue(flag: string, option: Option): string {
  if (!('value' in option)) return ''
  const words = wordsOf(flag, option)
  if (words) return ` -x -a ${quoted(words.join(' '))}`
  if (isFolder(option)) return " -x -a '(__fish_complete_directories)'"
  return isFile(option) ? ' -r -F' : ' -x'
}

/** A word of fish. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

function flagsOf(verb: string, options: Options): string[] {
  return Object.entries(options)
    .filter(([, option]) => isOptionOf(verb, option))
    .map(([flag]) => `--${flag}`)
}

function wordsOf(flag: string, option: Option): readonly string[] | undefined {
  return choicesOf(option) ?? namesOf[flag]
}

function spellings(flag: string, short: string | undefined): string[] {
  return [`--${flag}`, ...(short ? [`-${short}`] : [])]
}

function isFolder(option: Option): boolean {
  return 'value' in option && option.value === 'DIR'
}

function isFile(option: Option): boolean {
  return 'value' in option && (option.value === 'FILE' || option.value === 'PATH')
}
