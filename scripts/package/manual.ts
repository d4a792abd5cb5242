/** Manual pages: the prose is written by hand, the lists come from the tables that the programs use. */
import { readFileSync } from 'node:fs'
import { program as daemon } from '../../src/cli/daemon/main.ts'
import type { Options } from '../../src/cli/option.ts'
import { describeOption } from '../../src/cli/option-help.ts'
import { program as setup } from '../../src/cli/setup/main.ts'
import {
  definitionOf,
  kebabName,
  type SettingName,
  settingNames,
  variableName,
} from '../../src/settings/definitions.ts'
import { ownTexts } from '../../src/setup/service/quote.ts'
import { renderTemplate } from '../../src/setup/service/render-template.ts'

/** The meaning of settings without a flag, whose help could be used. */
const rowSettings: Record<string, string> = {
  'key-file': 'the file that holds the key',
  listener: 'whether the daemon listens at all',
  'drift-every': 'seconds between two looks of the daemon whether file and row still agree; 0 for never',
  'log-dir': 'the folder of the log files',
  'log-mode': 'the mode of the log files, from 0600 to 0644',
}

/** The lists of each page. */
const pages: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'frameworkd.8': { verbs: verbList(daemon.verbs), options: optionList(daemon.options) },
  'frameworkd-setup.8': { verbs: verbList(setup.verbs), options: optionList(setup.options) },
  'frameworkd.ini.5': { settings: settingList() },
}

export const pageNames = Object.keys(pages)

/** @param date of the release, as `2026-11-24` */
export function manualPage(page: string, version: string, date: string): string {
  const text = readFileSync(`packaging/man/${page}`, 'utf8')
  return renderTemplate(page, text, ownTexts({ version, date, ...pages[page] }))
}

function verbList(verbs: Readonly<Record<string, { help: string }>>): string {
  return Object.entries(verbs)
    .map(([name, { help }]) => entry(bold(name), help))
    .join('\n')
}

function optionList(options: Options): string {
  return Object.entries(options)
    .map(([name, option]) => {
      const { short, alias, verbs } = option
      const spellings = [...(short ? [`-${short}`] : []), `--${name}`, ...(alias ? [`--${alias}`] : [])].map(bold)
      const value = 'value' in option ? ` \\fI${roffText(option.value)}\\fR` : ''
      const of = verbs ? `Of ${verbs.join(', ')}: ` : ''
      return entry(`${spellings.join(', ')}${value}`, `${of}${describeOption(option)}`)
    })
    .join('\n')
}

function settingList(): string {
  return settingNames.map(settingEntry).join('\n')
}

function settingEntry(name: SettingName): string {
  const { fallback, row, ossimConf, setupConf } = definitionOf(name)
  const kebab = kebabName(name)
  const tables: Options[] = [setup.options, daemon.options]
  const option = tables.map((table) => table[kebab]).find((found) => found !== undefined)
  const help = option?.help ?? rowSettings[kebab]
  if (help === undefined) throw new Error(`scripts/package/manual.ts: nothing says what ${kebab} means`)
  const places: [string, string | undefined][] = [
    ['default', fallback],
    ['flag', option && `--${kebab}`],
    ['variable', variableName(name)],
    ['row of table config', row],
    ['in ossim.conf', ossimConf],
    ['in ossim_setup.conf', setupConf],
  ]
  const known = places.filter((place): place is [string, string] => place[1] !== undefined)
  const where = known.map(([label, text]) => `${label} ${bold(text)}`).join(', ')
  return `${entry(bold(kebab), help)}\n.br\n${where}`
}

function entry(term: string, text: string): string {
  return `.TP\n${term}\n${roffText(text)}`
}

function bold(text: string): string {
  return `\\fB${roffText(text)}\\fR`
}

/** Text as roff takes it: a hyphen that can be copied, and no line that looks like a request. */
function roffText(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
}
