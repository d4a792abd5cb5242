/**
 * Who holds a lock, by what the kernel tells. Pids in files are never trusted. The holder is the
 * process of the lock file's owner that has this inode open and holds the lock on that descriptor
 * (proc_pid_fdinfo(5)). A process that only reads the file, or one that was given an old pid again, is not.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { systemCode } from '../../../errors.ts'
import type { Files } from '../../files/files.ts'
import { lookAt } from '../../files/tree.ts'
import { identifyProcess, isAlive, type ProcessIdentity } from '../process-identity.ts'
import { flawOfLockFile, testLock } from './lock.ts'

/**
 * The process that holds the lock at a path; undefined when no process that we may see does:
 * root sees every process, others see their own. For a moment flock(1) holds the lock together with the
 * process that it locks for; the older of the two is returned.
 */
export function findLockHolder(files: Files, path: string): ProcessIdentity | undefined {
  const lock = statLockFile(files, path)
  if (!lock) return undefined
  const holders = listProcesses().filter((pid) => runsAs(pid, lock.uid) && hasLocked(pid, lock))
  const processes = holders.map(identifyProcess).filter((holder) => holder !== undefined)
  return processes.sort((one, other) => Number(one.startTime) - Number(other.startTime))[0]
}

export type LockState =
  | { kind: 'held'; process: ProcessIdentity }
  | { kind: 'free' }
  /** It is not known. `why` completes a sentence; `pid` may be the holder. */
  | { kind: 'unseen'; why: string; pid?: number }

/**
 * Whether somebody holds the lock at a path, and who. Where no holder is seen, there may still be one: so
 * the lock itself is tested, by taking it for a moment, shared. A process that takes the lock between the two is seen
 * by the next look.
 */
export function inspectLock(files: Files, path: string): LockState {
  let state = lookOnce(files, path)
  for (let looks = 1; looks < mostLooks && state === heldBySomebody; looks += 1) state = lookOnce(files, path)
  if (state !== heldBySomebody) return state
  return { kind: 'unseen', why: `somebody holds ${path} who cannot be seen from here` }
}

const mostLooks = 3
const heldBySomebody = Symbol('held by somebody')

function lookOnce(files: Files, path: string): LockState | typeof heldBySomebody {
  if (!existsSync('/proc/self/fdinfo')) return { kind: 'unseen', why: 'there is no /proc' }
  const flaw = flawOfLock(files, path)
  if (flaw !== undefined) return { kind: 'unseen', why: `${path} ${flaw}` }
  const holder = findLockHolder(files, path)
  if (holder) return { kind: 'held', process: holder }
  const orphan = findHolderOfRemoved(files.tree.outside(path))
  if (orphan !== undefined)
    return { kind: 'unseen', why: `pid ${orphan} holds ${path}, which was removed`, pid: orphan }
  switch (testLock(files.tree, path)) {
    case 'free':
      return { kind: 'free' }
    case 'held':
      return heldBySomebody
    case 'closed':
      return { kind: 'unseen', why: `only root can look at ${path}` }
  }
}

/**
 * The process that holds a lock whose file was removed, by the kernel's name for the file. Any account can make a file
 * with such a name, so it is only reported, and never gets a signal.
 */
function findHolderOfRemoved(path: string): number | undefined {
  return listProcesses().find((pid) =>
    listDescriptors(pid).some((descriptor) => {
      // The link first: it is the quicker look, and a machine has thousands.
      if (readDescriptorLink(pid, descriptor) !== `${path} (deleted)`) return false
      return /^lock:\t.*\bFLOCK\b.*\bWRITE\b/m.test(readProc(`${pid}/fdinfo/${descriptor}`))
    }),
  )
}

/**
 * Sends a signal to the holder, after proving once more that it is the holder.
 * @returns false when it is not the holder any more; nothing was sent then
 */
export function signalLockHolder(files: Files, path: string, holder: ProcessIdentity, signal: NodeJS.Signals): boolean {
  const lock = statLockFile(files, path)
  if (!lock || !isAlive(holder) || !runsAs(holder.pid, lock.uid) || !hasLocked(holder.pid, lock)) return false
  try {
    return process.kill(holder.pid, signal)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
    throw error
  }
}

/** The stats of the lock file, without opening it; undefined when there is none, or it has a flaw. */
function statLockFile(files: Files, path: string): Stats | undefined {
  using entry = files.tree.open(path)
  const stats = entry && lookAt(entry.folder, entry.name)
  return stats && flawOfLockFile(stats, entry.folder.stats) === undefined ? stats : undefined
}

/** @returns undefined where there is no lock file, or none with a flaw */
function flawOfLock(files: Files, path: string): string | undefined {
  using entry = files.tree.open(path)
  const stats = entry && lookAt(entry.folder, entry.name)
  return stats && flawOfLockFile(stats, entry.folder.stats)
}

/** Whether the real, effective, saved and file system ids of a process are all those of an account. */
function runsAs(pid: number, uid: number): boolean {
  const ids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(readProc(`${pid}/status`))?.slice(1)
  return ids?.every((id) => id === String(uid)) ?? false
}

/**
 * Whether a process holds the lock. The lock entry in fdinfo is read first, before a stat of the open file: a
 * stranger's descriptor may be on a disk that hangs.
 */
function hasLocked(pid: number, lock: Stats): boolean {
  const locked = new RegExp(`^lock:\\t.*\\bFLOCK\\b.*\\bWRITE\\b.*:${lock.ino} 0 EOF$`, 'm')
  return listDescriptors(pid).some((descriptor) => {
    return locked.test(readProc(`${pid}/fdinfo/${descriptor}`)) && isSameFile(`/proc/${pid}/fd/${descriptor}`, lock)
  })
}

function isSameFile(path: string, file: Stats): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats !== undefined && stats.ino === file.ino && stats.dev === file.dev
}

function listProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function readDescriptorLink(pid: number, descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`)
  } catch {
    return undefined
  }
}

/** The open descriptors of a process; empty for one that has ended, or that we may not look into. */
function listDescriptors(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fdinfo`)
  } catch {
    return []
  }
}

/**
 * Empty for what is not there any more, and for what we may not read. Node reads UTF-8 without a buffer of its own:
 * with one for each of the files of a busy machine the daemon would keep megabytes that it needs at its start alone.
 */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8')
  } catch {
    return ''
  }
}
