/** Completion for bash and zsh, from the tables that the programs use. */

import { verbs as daemonVerbs } from '../../src/cli/daemon/main.ts'
import { daemonOptions, type Options, setupOptions } from '../../src/cli/flags.ts'
import { verbs as setupVerbs } from '../../src/cli/setup/main.ts'

interface Program {
  name: string
  verbs: readonly string[]
  options: Options
}

export const programs: readonly Program[] = [
  { name: 'frameworkd', verbs: Object.keys(daemonVerbs), options: daemonOptions },
  { name: 'frameworkd-setup', verbs: Object.keys(setupVerbs), options: setupOptions },
]

/** bash-completion(7): one function a program, in a file of its name. */
export function bashCompletion({ name, verbs, options }: Program): string {
  const rows = Object.entries(options)
  const after = (pattern: (value: string) => boolean) =>
    rows
      .filter(([, { value }]) => value !== undefined && pattern(value))
      .flatMap(([flag, { short }]) => spellings(flag, short))
  const choices = rows.filter(([, { choices }]) => choices)
  const cases = [
    ...choices.map(
      ([flag, { choices = [] }]) =>
        `    --${flag}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); return ;;`,
    ),
    `    ${after(isFolder).join('|')}) compopt -o filenames; COMPREPLY=($(compgen -d -- "$word")); return ;;`,
    `    ${after(isFile).join('|')}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return ;;`,
    `    ${after((value) => !isFolder(value) && !isFile(value))
      .filter((flag) => !choices.some(([known]) => flag === `--${known}`))
      .join('|')}) return ;;`,
  ]
  const functionName = `_${name.replaceAll('-', '_')}`
  return `# shellcheck shell=bash disable=SC2207
${functionName}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  case $before in
${cases.join('\n')}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W '${rows.map(([flag]) => `--${flag}`).join(' ')}' -- "$word")) ;;
    *) COMPREPLY=($(compgen -W '${verbs.join(' ')}' -- "$word")) ;;
  esac
}
complete -F ${functionName} ${name}
`
}

/** zshcompsys(1): _arguments with a line an option. */
export function zshCompletion({ name, verbs, options }: Program): string {
  const lines = Object.entries(options).flatMap(([flag, { short, value, help, choices }]) => {
    const text = help.replace(/[[\]:'\\]/g, '')
    const action = choices ? `(${choices.join(' ')})` : isFolder(value) ? '_files -/' : isFile(value) ? '_files' : ' '
    return spellings(flag, short).map((spelling) => `  '${spelling}[${text}]${value ? `:${value}:${action}` : ''}' \\`)
  })
  return `#compdef ${name}
_arguments \\
${lines.join('\n')}
  '1:verb:(${verbs.join(' ')})'
`
}

function spellings(flag: string, short: string | undefined): string[] {
  return [`--${flag}`, ...(short ? [`-${short}`] : [])]
}

function isFolder(value: string | undefined): boolean {
  return value === 'DIR'
}

function isFile(value: string | undefined): boolean {
  return value === 'FILE' || value === 'PATH'
}
