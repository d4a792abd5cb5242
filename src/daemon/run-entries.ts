/**
 * What the daemon needs in /run, which is empty after each boot: its own folder for lock and pidfile,
 * and the name under which monit and old scripts know the pidfile.
 */
import { KnownError, messageOf } from '../errors.ts'
import type { Account } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'

/**
 * Makes both, as root where we are it.
 * @returns warnings: a name for monit that cannot be had stops nothing
 * @throws KnownError `configuration` when the folder is another account's, who could hold the lock unseen
 */
export function makeRunEntries(host: Host, owner: Account, pidfile: string): string[] {
  host.files.makeFolder(paths.run, { mode: 0o755, owner })
  if (!host.privileged && host.isLive) return []
  requireOwn(host, owner)
  try {
    host.files.writeLink(paths.oldPidfile, pidfile === paths.pidfile ? relativePidfile : pidfile)
    return []
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return [`No pidfile for monit and old scripts: ${messageOf(error)}`]
  }
}

/** A neighbour's name: the link is right below any root. */
const relativePidfile = paths.pidfile.slice(paths.oldPidfile.lastIndexOf('/') + 1)

function requireOwn(host: Host, owner: Account): void {
  const found = host.files.stat(paths.run)
  if (!host.privileged || found?.uid === owner.uid) return
  throw new KnownError(
    'configuration',
    `${paths.run} belongs to uid ${found?.uid}, not to ${owner.text} (uid ${owner.uid})`,
    `stop the daemon that used it, then remove it: rm -r ${paths.run}`,
  )
}
