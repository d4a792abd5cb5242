import { definitionOf, kebabName, settingNames } from './definitions.ts'
import type { Settings } from './resolve.ts'

/** Each setting that has a value, with its source, one a line; of the password only the source. */
export function describeSettings(settings: Settings): string[] {
  const lines = settingNames.flatMap((name) => {
    const { [name]: value, sources } = settings
    if (value === undefined) return []
    return `${kebabName(name)} = ${definitionOf(name).show?.(value) ?? value}  (${sources[name]})`
  })
  return settings.password ? [...lines, `password = [hidden]  (${settings.password.origin})`] : lines
}
