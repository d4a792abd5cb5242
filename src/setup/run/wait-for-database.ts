import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../../errors.ts'
import { backoff } from '../../host/waiting.ts'
import type { Machine } from '../machine.ts'
import { WaitingMark } from '../run-mark.ts'
import { findFailures } from '../tasks/preflight.ts'

/**
 * Waits until the database answers, for as long as `--wait-for-db` says. Settings are read again
 * for each attempt, and no lock is held. Ends without an error when the time is up: the tasks will
 * say what is wrong.
 * @param tell gets one line an attempt
 * @returns the machine of the last attempt, its connection open if there was one
 */
export async function waitForDatabase(makeMachine: () => Machine, tell: (line: string) => void): Promise<Machine> {
  const begun = process.hrtime.bigint()
  using mark = new WaitingMark()
  const nextPauseMs = backoff()
  for (;;) {
    const machine = makeMachine()
    const { waitForDb, store } = machine.settings
    if (waitForDb === 0 || store !== 'mysql' || machine.request.forImage || findFailures(machine).length > 0) {
      return machine
    }
    const problem = await unreachable(machine)
    const leftMs = waitForDb * 1000 - Number(process.hrtime.bigint() - begun) / 1e6
    if (!problem || leftMs <= 0) return machine
    await machine[Symbol.asyncDispose]()
    tell(`${problem.message}; trying again, ${Math.ceil(leftMs / 1000)} s left`)
    if (!machine.request.check) mark.say(machine.host, problem.message)
    await sleep(Math.min(nextPauseMs(), leftMs), undefined, { signal: machine.signal }).catch(() => {
      machine.signal.throwIfAborted()
    })
  }
}

async function unreachable(machine: Machine): Promise<KnownError | undefined> {
  try {
    const store = await machine.store()
    await store.schema()
    return undefined
  } catch (error) {
    return error instanceof KnownError && error.code === 'database-unreachable' ? error : undefined
  }
}
