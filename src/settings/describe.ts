import { kebabName, settingNames } from './definitions.ts'
import { type Settings, textOfValue } from './resolve.ts'

/** One line for each setting that has a value, with its source; for the password only the source. */
export function describeSettings(settings: Settings): string[] {
  const lines = settingNames.flatMap((name) => {
    if (settings[name] === undefined) return []
    return `${kebabName(name)} = ${textOfValue(settings, name)}  (${settings.sources[name]})`
  })
  return settings.password ? [...lines, `password = [hidden]  (${settings.password.origin})`] : lines
}
