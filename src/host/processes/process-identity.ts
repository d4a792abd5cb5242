import { readFileSync, writeFileSync } from 'node:fs'
import { explainFailure } from '../explain-failure.ts'

const bootIdFile = '/proc/sys/kernel/random/boot_id'

/**
 * A process that no later one can be taken for: pids are used again, but not with the same start
 * time within one boot (proc_pid_stat(5) field 22, /proc/sys/kernel/random/boot_id).
 */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks since the boot, as text. */
  startTime: string
  bootId: string
}

/** @returns the identity that a note claims, which others may have written; undefined where it is none */
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

/** Who we are. */
export function identifyOurselves(): ProcessIdentity {
  return identifyProcess(process.pid) ?? { pid: process.pid, startTime: '', bootId: readBootId() }
}

/** What `ps` shows instead of Node's name for its thread; the command line stays (proc_pid_comm(5)). */
export function nameOurselves(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name)
  } catch {
    // Who we are is told by the lock.
  }
}

/** Who has this pid now; undefined when nobody has, or only a dead one that its parent has not asked about. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = readStartTime(pid)
  return startTime === undefined ? undefined : { pid, startTime, bootId: readBootId() }
}

/**
 * Whether that very process still runs. It wrote the boot's id as it saw it, which in a container
 * need not be what we see: a sandboxed service there may be shown that of the machine outside.
 */
export function isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
  if (startTime !== readStartTime(pid)) return false
  return bootId === readBootId() || bootId === readBootIdAsSeenBy(pid)
}

/** The words of a process's command line; none when there is no such process, or none that we may see. */
export function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').split('\0')
  } catch {
    return []
  }
}

/** The variables that a process was started with, as `NAME=value`; none where we may not see them (proc_pid_environ(5)). */
export function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/**
 * The same, within one boot: for what does not outlive it, such as files in /run. What is told as
 * the boot's id differs between a container and a sandboxed service in it (systemd-nspawn(1)).
 */
export function isSameProcess(one: ProcessIdentity | undefined, other: ProcessIdentity | undefined): boolean {
  return one !== undefined && one.pid === other?.pid && one.startTime === other.startTime
}

/** The name of the program is in parentheses and may hold anything, so fields are counted from the last one. */
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

/** undefined where we may not look with its eyes (proc_pid_root(5)). */
function readBootIdAsSeenBy(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/root${bootIdFile}`, 'latin1').trim()
  } catch {
    return undefined
  }
}
