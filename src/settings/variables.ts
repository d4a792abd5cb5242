import { nearestName } from '../text/nearest-name.ts'
import { foreignText } from '../text/printable.ts'
import { settingNames, variableName } from './definitions.ts'

const prefix = 'FRAMEWORKD_'
/** Our variables that are no settings: some are of the package's scripts, one is of a detached start. */
const others = [`${prefix}DB_PASSWORD_FILE`, `${prefix}PURGE_KEY`, `${prefix}START_PIPE`]

/**
 * Finds variables that have almost the name of one of ours: most likely they are misspelt. Those that Kubernetes
 * makes for a Service of our name are not near enough to be found.
 * @returns what is worth a warning
 */
export function misspeltVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...settingNames.map(variableName), ...others]
  // In the form of options, since nearestName knows parts of those: HOST as a part of DB_HOST.
  const wordsOf = (name: string) => name.slice(prefix.length).replaceAll('_', '-')
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .flatMap((name) => {
      const meant = nearestName(wordsOf(name), known.map(wordsOf))
      const named = known.find((one) => wordsOf(one) === meant)
      return named === undefined ? [] : `the variable ${foreignText(name)} has no effect; did you mean ${named}?`
    })
}
