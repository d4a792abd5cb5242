/**
 * Whether a run is at work on this machine, seen without taking the lock. Whoever takes it writes into
 * its file before the first change and empties it after the last (run-mark.ts); so a file that is
 * empty, and has not been touched since, shows that nobody was at work meanwhile. The kernel's list of
 * locks would not say more, and reading it takes 9 ms (it waits for all processors).
 */
import type { Host } from '../../host/host.ts'
import { identifyOurselves, identifyProcess } from '../../host/processes/process-identity.ts'
import { paths } from '../../paths.ts'
import { isRestartMark } from '../service/restarts.ts'

/** A machine that was set up, and on which no run is at work. */
export interface Quiet {
  /** Nobody has been at work since. */
  lasts(): boolean
}

/** @returns undefined as well when an earlier run has left something to do, or to clear away */
export function seeQuiet(host: Host): Quiet | undefined {
  const seen = look(host)
  return seen === undefined ? undefined : { lasts: () => look(host) === seen }
}

/** What changes whenever a run begins or ends its work; undefined meanwhile. */
function look(host: Host): string | undefined {
  const names = host.files.list(paths.setupState).map((name) => `${paths.setupState}/${name}`)
  if (!names.includes(paths.setupComplete) || names.some((path) => isLeft(host, path))) return undefined
  const lock = host.files.stat(paths.setupLock)
  if (!lock?.isFile() || lock.size > 0) return undefined
  return `${lock.ino} ${lock.mtimeMs} ${lock.ctimeMs}`
}

/** A restart that is owed, a note of a run that waits, or a file that nobody is writing any more. */
function isLeft(host: Host, path: string): boolean {
  // Whoever is no longer there may have finished it meanwhile.
  if (path.startsWith(`${paths.setupState}/.`)) return !isBeingWritten(path) && host.files.stat(path) !== undefined
  return isRestartMark(path) || path === paths.setupWaiting
}

/** What this process ends the names of unfinished files with that it writes without the lock. */
export function ownSuffix(): string {
  const { pid, startTime } = identifyOurselves()
  return `-${pid}-${startTime}`
}

function isBeingWritten(path: string): boolean {
  const [, pid, startTime] = /-(\d+)-(\d+)$/.exec(path) ?? []
  return startTime !== undefined && identifyProcess(Number(pid))?.startTime === startTime
}
