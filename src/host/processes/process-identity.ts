import { readFileSync, writeFileSync } from 'node:fs'
import { explainFailure } from '../explain-failure.ts'

const bootIdFile = '/proc/sys/kernel/random/boot_id'

/**
 * What identifies one process for ever: pids are used again, but not with the same start
 * time within one boot (proc_pid_stat(5) field 22, /proc/sys/kernel/random/boot_id).
 */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks since the boot, as text. */
  startTime: string
  bootId: string
}

/** Reads an identity from a note, which is not trusted. @returns undefined where it has not the form of one */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  const { pid, startTime, bootId } = (value ?? {}) as Partial<Record<keyof ProcessIdentity, unknown>>
  const isOne =
    typeof pid === 'number' &&
    /^[1-9]\d{0,9}$/.test(String(pid)) &&
    typeof startTime === 'string' &&
    /^\d{1,20}$/.test(startTime) &&
    typeof bootId === 'string' &&
    /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(bootId)
  return isOne ? { pid, startTime, bootId } : undefined
}

/** The identity of this process. */
export function identifyOurselves(): ProcessIdentity {
  return identifyProcess(process.pid) ?? { pid: process.pid, startTime: '', bootId: readBootId() }
}

/** Sets the name that `ps` shows, instead of Node's name for its thread; the command line stays (proc_pid_comm(5)). */
export function nameOurselves(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name)
  } catch {
    // It is only for people: other programs know us by the lock.
  }
}

/** The process that has this pid now; undefined when there is none, or only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = readStartTime(pid)
  return startTime === undefined ? undefined : { pid, startTime, bootId: readBootId() }
}

/**
 * Whether exactly this process still runs. It noted the boot id that it saw. In a container we may see
 * another one: a sandboxed service there may see that of the machine outside.
 */
export function isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
  if (startTime !== readStartTime(pid)) return false
  return bootId === readBootId() || bootId === readBootIdAsSeenBy(pid)
}

/** The command line of a process, word by word; empty when there is no such process, or we may not see it. */
export function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').split('\0')
  } catch {
    return []
  }
}

/**
 * The environment that a process was started with, as `NAME=value`; empty where we may not see it
 * (proc_pid_environ(5)).
 */
export function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/**
 * Whether two identities of the same boot are one process: for files that do not outlive a boot, such as those in
 * /run. The boot id is not compared, since a container and a sandboxed service in it may see different ones
 * (systemd-nspawn(1)).
 */
export function isSameProcess(one: ProcessIdentity | undefined, other: ProcessIdentity | undefined): boolean {
  return one !== undefined && one.pid === other?.pid && one.startTime === other.startTime
}

/** The program's name is in parentheses and may hold any character, so fields are counted from the last parenthesis. */
function readStartTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const isZombie = fields[0] === 'Z' || fields[0] === 'X'
    return isZombie ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function readBootId(): string {
  return explainFailure(bootIdFile, 'read', () => readFileSync(bootIdFile, 'latin1').trim())
}

/** The boot id that another process sees; undefined where we may not look (proc_pid_root(5)). */
function readBootIdAsSeenBy(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/root${bootIdFile}`, 'latin1').trim()
  } catch {
    return undefined
  }
}
