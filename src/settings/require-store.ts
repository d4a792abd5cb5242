import { KnownError } from '../errors.ts'
import type { Settings } from './resolve.ts'

/** Which store is meant. @throws KnownError `configuration` when none is configured or its user is missing */
export function requireStore(settings: Settings): 'mysql' | 'sqlite' {
  if (settings.store === undefined) {
    const hint = 'name a server with --db-host HOST --db-user USER, or use the embedded store with --store sqlite'
    throw new KnownError('configuration', 'no store is configured', hint)
  }
  if (settings.store === 'mysql' && settings.dbUser === undefined) {
    throw new KnownError('configuration', 'no database user is configured', 'name one with --db-user USER')
  }
  return settings.store
}
