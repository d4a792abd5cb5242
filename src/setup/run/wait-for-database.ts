import { KnownError } from '../../errors.ts'
import { AttemptTime } from '../../host/waiting.ts'
import type { TellWaiting } from '../lock-setup.ts'
import type { Machine } from '../machine.ts'
import { WaitingMark } from '../run-mark.ts'
import { findFailures } from '../tasks/preflight.ts'

/**
 * The time that `--wait-for-db` gives a whole run: to reach the database, and to reach it again where it goes
 * away in the middle. No lock is held during the wait.
 */
export class DatabaseWait implements Disposable {
  readonly #tell: TellWaiting
  readonly #time = new AttemptTime()
  readonly #mark = new WaitingMark()

  constructor(tell: TellWaiting) {
    this.#tell = tell
  }

  /** Whether waiting may solve the problem, and time is left for it. */
  isFor(machine: Machine, problem: unknown): problem is KnownError {
    return isWaitedFor(machine) && isUnreachable(problem) && this.#leftMs(machine) > 0
  }

  /** Closes the machine, reports what the run waits for, and waits a while. */
  async pause(machine: Machine, problem: KnownError): Promise<void> {
    await machine[Symbol.asyncDispose]()
    this.#tell(`${problem.message}; trying again`, Math.max(0, this.#leftMs(machine)))
    if (!machine.request.check) this.#mark.say(machine.host, problem.message)
    await this.#time.pause(machine.settings.waitForDb, machine.signal)
  }

  #leftMs({ settings }: Machine): number {
    return this.#time.leftMs(settings.waitForDb)
  }

  [Symbol.dispose](): void {
    this.#mark[Symbol.dispose]()
  }
}

/**
 * Waits until the database answers and takes writes. Settings are read again for each attempt, and no lock is
 * held. Ends without an error when the time is up: the tasks will fail with the reason.
 * @returns the machine of the last attempt, its connection open if there was one
 */
export async function waitForDatabase(makeMachine: () => Machine, wait: DatabaseWait): Promise<Machine> {
  for (;;) {
    const machine = makeMachine()
    if (!isWaitedFor(machine) || findFailures(machine).length > 0) return machine
    const problem = await problemOf(machine)
    if (!wait.isFor(machine, problem)) return machine
    await wait.pause(machine, problem)
  }
}

function isWaitedFor({ settings, request }: Machine): boolean {
  return settings.waitForDb > 0 && settings.store === 'mysql' && !request.forImage
}

async function problemOf(machine: Machine): Promise<unknown> {
  try {
    const store = await machine.store()
    const { table } = await store.schema()
    if (table) await store.requireWritable()
    return undefined
  } catch (error) {
    return error
  }
}

function isUnreachable(error: unknown): error is KnownError {
  return error instanceof KnownError && error.code === 'database-unreachable'
}
