import { KnownError } from '../errors.ts'
import type { Settings } from './resolve.ts'

/**
 * Which store is configured.
 * @throws KnownError `configuration` when none is (the message holds the warnings of the settings, which may say
 * why), and when the database user is missing
 */
export function requireStore(settings: Settings & { readonly warnings?: readonly string[] }): 'mysql' | 'sqlite' {
  if (settings.store === undefined) {
    const hint = 'name a server with --db-host HOST --db-user USER, or use the embedded store with --store sqlite'
    throw new KnownError('configuration', ['no store is configured', ...(settings.warnings ?? [])].join('\n  '), hint)
  }
  if (settings.store === 'mysql' && settings.dbUser === undefined) {
    throw new KnownError('configuration', 'no database user is configured', 'name one with --db-user USER')
  }
  return settings.store
}
