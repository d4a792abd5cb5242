import { suggestion } from '../text/nearest-name.ts'
import { foreignText } from '../text/printable.ts'
import { settingNames, variableName } from './definitions.ts'

const prefix = 'FRAMEWORKD_'
/** Variables of ours that are no settings: of the package's scripts, and of a start. */
const others = [`${prefix}DB_PASSWORD_FILE`, `${prefix}PURGE_KEY`, `${prefix}START_PIPE`]

/**
 * A variable that looks like one of ours and is none is most likely misspelt. Those that Kubernetes makes for a
 * Service of our name are not near enough.
 * @returns what is worth a warning
 */
export function misspeltVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...settingNames.map(variableName), ...others]
  const ends = known.map((name) => name.slice(prefix.length))
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .flatMap((name) => {
      const meant = suggestion(name.slice(prefix.length), ends)
      if (meant === '') return []
      return `the variable ${foreignText(name)} says nothing${meant.replace('did you mean ', `did you mean ${prefix}`)}`
    })
}
