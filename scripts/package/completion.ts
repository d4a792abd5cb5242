/** Completion for bash and zsh, from the catalogue of options: what is offered is what the verb takes. */
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { choicesOf, describeOption } from '../../src/cli/option-help.ts'
import { isOptionOf, type Option, type Options } from '../../src/cli/options.ts'
import { program as setup } from '../../src/cli/setup/main.ts'
import { preflightNames } from '../../src/setup/preflight-name.ts'
import { tasks } from '../../src/setup/tasks.ts'

interface Program {
  name: string
  verbs: readonly string[]
  usualVerb: string | undefined
  options: Options
}

export const programs: readonly Program[] = [daemon, setup].map(({ name, verbs, usualVerb, options }) => ({
  name,
  verbs: Object.keys(verbs),
  usualVerb,
  options,
}))

/** Words that a value may be, of options whose values are names of ours. */
const namesOf: Readonly<Record<string, readonly string[]>> = {
  tags: [...new Set(tasks.flatMap((task) => task.tags))].sort(),
  'skip-tags': [...new Set(tasks.flatMap((task) => task.tags))].sort(),
  'start-at-task': tasks.map((task) => task.name),
  'ignore-preflight': preflightNames,
}

/** bash-completion(7): one function a program, in a file of its name. */
export function bashCompletion({ name, verbs, usualVerb, options }: Program): string {
  const rows = Object.entries(options)
  const values = rows.filter(([, option]) => 'value' in option).map(bashValue)
  const functionName = `_${name.replaceAll('-', '_')}`
  const ofVerbs = verbs.map((verb) => `        ${verb}) words='${flagsOf(verb, options).join(' ')}' ;;`)
  const all = rows.map(([flag]) => `--${flag}`).join(' ')
  return `# shellcheck shell=bash disable=SC2207
${functionName}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb=${usualVerb ?? "''"} words one
  COMPREPLY=()
  case $before in
${values.join('\n')}
  esac
  for one in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $one in ${verbs.join('|')}) verb=$one; break ;; esac
  done
  case $word in
    -*)
      case $verb in
${ofVerbs.join('\n')}
        *) words='${all}' ;;
      esac ;;
    *) words='${[...verbs, 'help', 'version'].join(' ')}' ;;
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
  const branch = (pattern: string, rows: readonly (readonly [string, Option])[]) =>
    [
      `  ${pattern})`,
      '    _arguments \\',
      ...rows.flatMap(zshLines),
      `      '1:verb:(${[...verbs, 'help', 'version'].join(' ')})' ;;`,
    ].join('\n')
  const own = (verb: string) => Object.entries(options).filter(([, option]) => isOptionOf(verb, option))
  const branches = verbs.filter((verb) => verb !== usualVerb).map((verb) => branch(verb, own(verb)))
  const rest = usualVerb === undefined ? Object.entries(options) : own(usualVerb)
  return `#compdef ${name}
case \${words[(r)(${verbs.join('|')})]} in
${[...branches, branch('*', rest)].join('\n')}
esac
`
}

function zshLines([flag, option]: readonly [string, Option]): string[] {
  const text = describeOption(option).replace(/[[\]:'\\]/g, '')
  const words = wordsOf(flag, option)
  const action = words ? `(${words.join(' ')})` : isFolder(option) ? '_files -/' : isFile(option) ? '_files' : ' '
  const value = 'value' in option ? `:${option.value}:${action}` : ''
  return spellings(flag, option.short).map((spelling) => `      '${spelling}[${text}]${value}' \\`)
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
