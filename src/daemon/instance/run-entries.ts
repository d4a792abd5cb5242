/**
 * The entries that the daemon needs in /run, which is empty after each boot: a folder of its own for lock and pidfile,
 * and a link at the path where monit and old scripts look for the pidfile.
 */
import { dirname } from 'node:path'
import { KnownError, messageOf } from '../../errors.ts'
import type { Account } from '../../host/accounts.ts'
import type { Host } from '../../host/host.ts'
import { findLockHolder, inspectLock } from '../../host/processes/locks/lock-holder.ts'
import { paths } from '../../paths.ts'
import { linkPidfile } from '../../product/pidfile-link.ts'
import { handOverRunFolder, runLocks } from '../../product/run-folder.ts'
import { alreadyRunning } from './lock.ts'

/**
 * Makes both; the link needs root.
 * @returns warnings: a link that cannot be made stops nothing
 * @throws KnownError `already-running` when the daemon of another account runs, `configuration` where neither lock
 * nor pidfile could be had
 */
export function makeRunEntries(host: Host, owner: Account, pidfile: string): string[] {
  handOverRunEntries(host, owner)
  if (!host.privileged) requireOpenRunFolder(host, owner)
  host.files.makeFolder(paths.run, { mode: 0o755, owner })
  if (!host.privileged && host.isLive) return []
  try {
    linkPidfile(host, pidfile)
    return []
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return [`No pidfile for monit and old scripts: ${messageOf(error)}`]
  }
}

/**
 * Checks that the daemon can write its lock and pidfile in its folder; a folder that is missing is made at the start.
 * @throws KnownError `configuration` for a folder where its account cannot write
 */
export function requireUsableRunFolder(host: Host, account: Account): void {
  if (host.files.stat(paths.run)) requireOpenRunFolder(host, account)
}

/** @throws KnownError `configuration` */
function requireOpenRunFolder(host: Host, account: Account): void {
  const closed = host.files.closedFolder(paths.instanceLock)
  if (!closed) return
  const place = host.tree.quotedPath(paths.run)
  const hint = host.files.stat(paths.run)
    ? `give it back: chown ${account.uid} ${place}; chmod 755 ${place}`
    : `start it as root, which becomes that account; or give it a folder: install -d -o ${account.uid} ${place}; in a container: a tmpfs on ${dirname(paths.run)} that it may write`
  throw new KnownError('configuration', `${account.text} cannot write in ${closed.path}: ${closed.why}`, hint)
}

/**
 * Checks that no daemon runs whose folder was removed: a new lock in a new folder would not keep us from it.
 * @throws KnownError `already-running`
 */
function requireNoOrphan(host: Host): void {
  const state = host.files.stat(paths.instanceLock) ? undefined : inspectLock(host.files, paths.instanceLock)
  if (state?.kind === 'unseen' && state.pid !== undefined) throw alreadyRunning(host, `pid ${state.pid}`)
}

/** Gives folder and locks to the new owner where the service had another one, while no daemon runs. */
function handOverRunEntries(host: Host, owner: Account): void {
  requireNoOrphan(host)
  const found = host.files.stat(paths.run)
  if (!host.privileged || !found || found.uid === owner.uid) return
  for (const path of runLocks) {
    const holder = findLockHolder(host.files, path)
    if (holder) throw alreadyRunning(host, `pid ${holder.pid}`)
  }
  handOverRunFolder(host, found, owner)
}
