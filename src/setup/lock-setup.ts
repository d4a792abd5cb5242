import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Lock } from '../host/processes/locks/lock.ts'
import { AttemptTime, poll } from '../host/waiting.ts'
import { paths } from '../paths.ts'
import type { Machine } from './machine.ts'
import { lockForWork, readRunMark } from './run-mark.ts'
import { findFailures } from './tasks/preflight.ts'

/**
 * Called at each attempt with what the run waits for, and the milliseconds that are left.
 * @param what for example `PROBLEM; trying again`
 */
export type TellWaiting = (what: string, leftMs: number) => void

/** Milliseconds between two looks at the other run, and between two lines about it. */
const lookEveryMs = 100
const tellEveryMs = 10_000

/**
 * Takes the lock that only one run on this machine can hold. Where preflight will fail it is not taken, since
 * nothing will be changed.
 * @throws KnownError `busy` while another run holds it
 */
export function lockSetup(machine: Machine): Lock | undefined {
  return findFailures(machine).length > 0 ? undefined : lockForChange(machine.host)
}

/**
 * Takes the same lock for a verb that changes something, without looking at preflight.
 * @throws KnownError `busy` while another run holds it
 */
export function lockForChange(host: Host): Lock {
  host.files.makeFolder(paths.setupState, { mode: 0o755 })
  const lock = lockForWork(host)
  if (lock) return lock
  const hint = 'wait for it to end, then run again; to have it waited for: --wait-for-lock SECONDS'
  throw new KnownError('busy', 'another run of frameworkd-setup is at work here', hint)
}

/**
 * Takes the lock, and waits for it as long as `--wait-for-lock` says.
 * @throws KnownError `busy` when the time is up
 */
export async function lockInTime<T>(machine: Machine, tell: TellWaiting, lock: () => T): Promise<T> {
  const wait = new LockWait(tell)
  for (;;) {
    try {
      return lock()
    } catch (error) {
      if (!(await wait.pause(machine, error))) throw error
    }
  }
}

/** The time of `--wait-for-lock`. */
export class LockWait {
  readonly #tell: TellWaiting
  readonly #time = new AttemptTime()

  constructor(tell: TellWaiting) {
    this.#tell = tell
  }

  /**
   * Waits until the other run has ended, while time is left. Its note shows that, without touching the lock. Where no
   * living process is in the note (the run is in another container, or the lock is held by flock(1)), it only waits a
   * while, and the caller tries the lock again.
   * @returns false where no time is left, and for an error that is not about the lock
   */
  async pause({ host, settings, signal }: Machine, error: unknown): Promise<boolean> {
    if (!(error instanceof KnownError) || error.code !== 'busy') return false
    const leftMs = () => this.#time.leftMs(settings.waitForLock)
    while (leftMs() > 0) {
      const who = readRunMark(host)
      const named = who?.state === 'running' ? `${error.message} (pid ${who.pid})` : error.message
      this.#tell(`${named}; waiting for it to end`, leftMs())
      const limitMs = Math.min(leftMs(), tellEveryMs)
      if (who?.state !== 'running') {
        await this.#time.pause(settings.waitForLock, signal)
        return true
      }
      const isOver = () => readRunMark(host)?.state !== 'running'
      if (await poll(isOver, { everyMs: lookEveryMs, limitMs, signal })) return true
    }
    return false
  }
}
