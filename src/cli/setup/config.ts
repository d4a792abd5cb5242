/** `frameworkd-setup config`: every setting, its value, where it comes from, and what else could set it. */

import { KnownError } from '../../errors.ts'
import { standardError, standardOutput } from '../../host/output/output.ts'
import { openHost } from '../../host/preconditions.ts'
import { paths } from '../../paths.ts'
import { kebabName, type SettingName, settingNames } from '../../settings/definitions.ts'
import { loadSettings } from '../../settings/load.ts'
import { type Settings, textOfValue } from '../../settings/resolve.ts'
import { passwordSources, possibleSources } from '../../settings/sources.ts'
import { asksForOffline, Machine } from '../../setup/machine.ts'
import { usualColumns, withSource, wrapTo } from '../../text/wrap.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { Options } from '../option.ts'
import { daemonOptions, setupOptions } from '../options.ts'
import { readSettingsRequest, readShow, type SetupFlags } from './request.ts'

/** A setting as it is told; its value is never a secret. */
interface ToldSetting {
  name: string
  /** null where it has none. */
  value: string | null
  source: string
  /** All that could set it, the most important first. */
  canBeSetBy: readonly string[]
}

/** @returns 0. @throws KnownError for settings that are wrong, or cannot be read */
export async function showConfig(flags: SetupFlags): Promise<number> {
  const host = openHost(flags.text('root'))
  const request = readSettingsRequest(flags, host)
  const settingsFile = request.configFile ?? paths.settings
  const work = { adopt: undefined, settingsFile, check: true, ignoredPreflight: [], forImage: false, takeOver: false }
  const { slow } = readShow(flags, 'config')
  const offline = asksForOffline(process.env)
  await using machine = new Machine(
    host,
    loadSettings(request),
    { ...work, offline, watch: slow.watch },
    listenForInterrupts(),
  )
  const { settings, rowsProblem } = await readRows(machine)
  for (const warning of machine.settings.warnings) standardError.write(`warning: ${warning}\n`)
  const told = tell(settings, settingsFile)
  if (flags.choice('output') === 'json') {
    const document = { version: 1, settings: told, ...(rowsProblem !== undefined && { rowsProblem }) }
    standardOutput.write(`${JSON.stringify(document)}\n`)
    return 0
  }
  standardOutput.write(textOf(told, standardOutput.columns || usualColumns))
  if (rowsProblem !== undefined) standardOutput.write(`\nwithout the rows of table config: ${rowsProblem}\n`)
  return 0
}

/** Reads the rows; where the store does not answer, the settings are shown without them. */
async function readRows(machine: Machine): Promise<{ settings: Settings; rowsProblem?: string }> {
  if (machine.settings.store === undefined) return { settings: machine.settings, rowsProblem: 'no store is configured' }
  try {
    return { settings: await machine.settingsWithRows() }
  } catch (error) {
    if (!(error instanceof KnownError) || error.code === 'configuration') throw error
    machine.signal.throwIfAborted()
    return { settings: machine.settings, rowsProblem: error.message }
  }
}

function tell(settings: Settings, settingsFile: string): ToldSetting[] {
  const told = settingNames.map((name): ToldSetting => {
    const isSet = settings[name] !== undefined
    return {
      name: kebabName(name),
      value: isSet ? textOfValue(settings, name) : null,
      source: isSet ? settings.sources[name] : 'not set',
      canBeSetBy: possibleSources(name, flagsOf(name), settingsFile),
    }
  })
  const { password } = settings
  const hidden: ToldSetting = {
    name: 'password',
    value: password ? '[hidden]' : null,
    source: password?.origin ?? 'not set',
    canBeSetBy: passwordSources,
  }
  return [...told, hidden]
}

function flagsOf(name: SettingName): string[] {
  const find = (options: Options) => Object.entries(options).find(([, { setting }]) => setting === name)?.[0]
  const [ofSetup, ofDaemon] = [find(setupOptions), find(daemonOptions)]
  return [
    ...(ofSetup === undefined ? [] : [`--${ofSetup}`]),
    ...(ofDaemon === undefined ? [] : [`frameworkd --${ofDaemon}`]),
  ]
}

function textOf(told: readonly ToldSetting[], columns: number): string {
  const wrap = wrapTo({ columns })
  const nameWidth = Math.max(...told.map(({ name }) => name.length))
  const below = 4
  return told
    .map(({ name, value, source, canBeSetBy }) => {
      const others = canBeSetBy.filter((one) => one !== source).map(shortened)
      const head = `${name.padEnd(nameWidth)}  `
      const first = `${head}${withSource(value ?? '-', shortened(source), columns, head.length)}`
      return `${first}\n${' '.repeat(below)}${wrap(`or: ${others.join(', ')}`, below)}\n`
    })
    .join('')
}

/** The folders of our files are in frameworkd.ini(5); a line has no room for them. */
function shortened(source: string): string {
  return source.replace(/^\/\S*\/(?=\S+: )/, '')
}
