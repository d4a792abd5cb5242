/**
 * One run of setup, from lock to result: open, plan, apply, conclude. This is the room's door.
 *
 * 1. The database is waited for without the lock; everything after that, and all that is written, is
 *    done with it. Check mode writes nothing and takes no lock. Whoever waited, for either, reads the
 *    settings again: another run may have changed them.
 * 2. Where preflight will fail the tasks run without the lock: they end before anything is changed.
 * 3. The result is kept last of all that is said of a run, and before the lock is given back, so that
 *    no older result takes the place of a newer one. The completion mark comes after it.
 * 4. A database that goes away in the middle ends an attempt, not the run, while `--wait-for-db` has time
 *    left: the lock is given back, and all tasks are gone through again. What an attempt has changed
 *    stands in the result of the run.
 */
import { applyTasks } from '../../engine/apply-tasks.ts'
import { planTasks, type TaskOptions, type Tell } from '../../engine/plan-tasks.ts'
import { type CompletedRun, completeRun } from '../../engine/report-json.ts'
import type { TaskResult } from '../../engine/task.ts'
import { joinAttempts } from '../../engine/task-results.ts'
import type { Lock } from '../../host/processes/lock.ts'
import { paths, services } from '../../paths.ts'
import { LockWait, lockSetup, type TellWaiting } from '../lock-setup.ts'
import type { Machine } from '../machine.ts'
import { ServiceRestarts } from '../service/restarts.ts'
import { tasks } from '../tasks.ts'
import { saveResult } from './save-result.ts'
import { DatabaseWait, waitForDatabase } from './wait-for-database.ts'

export interface RunOrder extends Pick<TaskOptions, 'selected' | 'confirm'> {
  /** Reads the settings; called again for each attempt to reach the database. */
  makeMachine(): Machine
  /** Nothing is applied, locked or kept. */
  check: boolean
  /** As the result document names the run. */
  verb: string
  /** Diffs stand in the document. */
  diff: boolean
}

/** Who shows a run while it goes on. */
export interface RunObserver {
  /** The database, or another run, is waited for: called at each attempt. */
  waits: TellWaiting
  /** There is a machine, with its settings. */
  opened(machine: Machine): void
  /** The tasks begin. @returns who gets their results */
  begins(): Promise<Tell>
  /** They ended without the database, and will begin again. */
  beginsAgain(): Promise<void>
}

/** A run that is over, with its machine still open. */
export interface SetupRun extends CompletedRun, AsyncDisposable {
  machine: Machine
  /** Why the result could not be kept on disk; undefined where it was, or was not to be. */
  notKept: string | undefined
}

/**
 * @throws KnownError `busy` while another run is at work here, `configuration` and the like for settings
 * that cannot be read; what goes wrong in a task is a result
 */
export async function runSetup(order: RunOrder, observer: RunObserver): Promise<SetupRun> {
  using databaseWait = new DatabaseWait(observer.waits)
  const startedAt = new Date()
  let earlier: readonly TaskResult[] = []
  for (;;) {
    await using resources = new AsyncDisposableStack()
    const { machine, lock } = await openAndLock(order, observer, databaseWait)
    resources.use(machine)
    using held = new DisposableStack()
    held.use(lock)
    observer.opened(machine)
    const results = joinAttempts(earlier, await goThroughTasks(machine, order, await observer.begins()))
    const run = await completeRun({ ...order, results, startedAt })
    const conclude = () => (order.check ? undefined : keepResult(machine, run, lock))
    if (!databaseWait.isFor(machine, run.error)) {
      const notKept = await conclude()
      const opened = resources.move()
      return { ...run, notKept, machine, [Symbol.asyncDispose]: () => opened.disposeAsync() }
    }
    earlier = results
    held.dispose()
    await observer.beginsAgain()
    await databaseWait.pause(machine, run.error)
  }
}

/** @returns no lock in check mode, and where preflight will fail */
async function openAndLock(
  { makeMachine, check }: RunOrder,
  { waits }: RunObserver,
  databaseWait: DatabaseWait,
): Promise<{ machine: Machine; lock: Lock | undefined }> {
  const lockWait = new LockWait(waits)
  for (;;) {
    await using resources = new AsyncDisposableStack()
    const machine = resources.use(await waitForDatabase(makeMachine, databaseWait))
    try {
      const lock = check ? undefined : lockSetup(machine)
      resources.move()
      return { machine, lock }
    } catch (error) {
      if (!(await lockWait.pause(machine, error))) throw error
    }
  }
}

function goThroughTasks(
  machine: Machine,
  { check, selected, confirm }: RunOrder,
  tell: Tell,
): Promise<readonly TaskResult[]> {
  const options = { selected, confirm, signal: machine.signal, restarts: new ServiceRestarts(machine) }
  return check ? planTasks(tasks, machine, options, tell) : applyTasks(tasks, machine, options, tell)
}

/** @returns why the result could not be kept */
async function keepResult(
  machine: Machine,
  { document, results }: CompletedRun,
  lock: Lock | undefined,
): Promise<string | undefined> {
  const notKept = saveResult(machine, document, lock)
  if (markComplete(machine, results)) await forgetFailedBoot(machine)
  return notKept
}

/** A first boot that failed and was mended by hand since would leave the system degraded until the next boot. */
async function forgetFailedBoot(machine: Machine): Promise<void> {
  if (!machine.services || machine.initSystem !== 'systemd') return
  const unit = `${services.firstBoot}.service`
  // Whether it can be told to systemd is no reason to call the run failed.
  await machine.systemd.order('reset-failed', unit).catch(() => {})
}

/**
 * Writes the completion mark, which ends the waiting for a first boot: last of all, after a sync,
 * by a run that did everything. An image stays without.
 * @returns whether it was written now
 */
function markComplete({ host, request }: Machine, results: readonly TaskResult[]): boolean {
  const isWhole = results.every(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
  if (request.forImage || !isWhole || host.files.stat(paths.setupComplete)) return false
  host.syncDisks()
  host.files.write(paths.setupComplete, Buffer.alloc(0), { mode: 0o644 })
  return true
}
