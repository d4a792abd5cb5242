import { paths } from '../paths.ts'
import { definitionOf, kebabName, type SettingName, variableName } from './definitions.ts'

/**
 * The names of all sources that could give a setting its value, the most important first.
 * @param flags the options that are this setting, as they are typed
 */
export function possibleSources(name: SettingName, flags: readonly string[], settingsFile: string): string[] {
  const { ossimConf, setupConf, row, ofRun, connection } = definitionOf(name)
  return [
    ...flags,
    variableName(name),
    ...(ofRun ? [] : [`${settingsFile}: ${kebabName(name)}`]),
    ...(ossimConf === undefined ? [] : [`${paths.ossimConf}: ${ossimConf}`]),
    ...(setupConf === undefined ? [] : [`${paths.ossimSetupConf}: ${setupConf}`]),
    ...(row === undefined || connection ? [] : [`row ${row} of table config`]),
  ]
}

/** The same for the password, which is no setting. */
export const passwordSources: readonly string[] = [
  '--db-password-file',
  'FRAMEWORKD_DB_PASSWORD_FILE',
  'credential frameworkd.db-password',
  `${paths.ossimConf}: ossim_pass`,
  `${paths.ossimSetupConf}: pass`,
]
