import { nearestName } from '../text/nearest-name.ts'
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
  // Like options, so that a part of a name is known as one: HOST of DB_HOST.
  const wordsOf = (name: string) => name.slice(prefix.length).replaceAll('_', '-')
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .flatMap((name) => {
      const meant = nearestName(wordsOf(name), known.map(wordsOf))
      const named = known.find((one) => wordsOf(one) === meant)
      return named === undefined ? [] : `the variable ${foreignText(name)} says nothing; did you mean ${named}?`
    })
}
