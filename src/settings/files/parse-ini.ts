import { parse } from 'ini'
import { kebabName, type SettingName, settingNames } from '../definitions.ts'

/** What frameworkd.ini holds, and the names in it that are no settings. */
export interface SettingsFile {
  values: ReadonlyMap<SettingName, string>
  unknown: readonly string[]
}

const names = new Map(settingNames.map((name) => [kebabName(name), name] as const))

/** Every name that frameworkd.ini may hold. */
export const knownNames: readonly string[] = [...names.keys()]

/** Reads frameworkd.ini: `name = value` lines without sections, comments with `;` and `#` (the ini package). */
export function parseSettingsFile(text: string): SettingsFile {
  const values = new Map<SettingName, string>()
  const unknown: string[] = []
  for (const [name, value] of Object.entries(parse(text) as Record<string, unknown>)) {
    const setting = names.get(name)
    if (setting === undefined || typeof value === 'object') unknown.push(typeof value === 'object' ? `[${name}]` : name)
    else values.set(setting, String(value))
  }
  return { values, unknown }
}
