/** Texts about an option, for the help, the manual pages and the completion. */
import { definitionOf } from '../settings/definitions.ts'
import type { Option } from './option.ts'

/** The possible values; undefined where they are not a few words. */
export function choicesOf(option: Option): readonly string[] | undefined {
  if (option.kind === 'choice') return option.choices
  return option.setting && definitionOf(option.setting).choices
}

/** What it does, with choices and default: `its port (default 3306)`. */
export function describeOption(option: Option): string {
  const choices = choicesOf(option)
  const words = choices ? [`${option.help}: ${listOf(choices)}`] : [option.help]
  const usual = defaultOf(option)
  if (usual !== undefined) words.push(`(default ${usual})`)
  return words.join(' ')
}

function defaultOf(option: Option): string | undefined {
  if (option.kind !== 'text' && option.kind !== 'choice') return undefined
  if (option.default !== undefined || option.setting === undefined) return option.default
  const { row, fallback } = definitionOf(option.setting)
  return row === undefined ? fallback : `row ${row}`
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
