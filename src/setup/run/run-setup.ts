/**
 * One run of setup, from lock to result: open, plan, apply, conclude. This is the room's door.
 *
 * 1. The run waits for the database without the lock. Everything after that, and everything that is written, is
 *    done with the lock. Check mode writes nothing and takes no lock. After any wait, for the database or for the
 *    lock, the settings are read again: another run may have changed them.
 * 2. Where preflight will fail, the tasks run without the lock: they end before anything is changed.
 * 3. The result is saved when the run has ended, and before the lock is released, so that
 *    an older result never replaces a newer one. The completion mark is written after it.
 * 4. When the database goes away in the middle, only the attempt ends, not the run, while `--wait-for-db` has time
 *    left: the lock is released, and all tasks run again. The result of the run also has what earlier attempts
 *    have changed.
 */
import { applyTasks } from '../../engine/apply-tasks.ts'
import { planTasks, type TaskOptions, type Tell } from '../../engine/plan-tasks.ts'
import { type CompletedRun, completeRun } from '../../engine/report-json.ts'
import type { TaskResult } from '../../engine/task.ts'
import { joinAttempts } from '../../engine/task-results.ts'
import type { Lock } from '../../host/processes/locks/lock.ts'
import { paths, services } from '../../paths.ts'
import { LockWait, lockSetup, type TellWaiting } from '../lock-setup.ts'
import type { Machine } from '../machine.ts'
import { ServiceRestarts } from '../service/restarts.ts'
import { tasks } from '../tasks.ts'
import { saveResult } from './save-result.ts'
import { DatabaseWait, waitForDatabase } from './wait-for-database.ts'

export interface RunRequest extends Pick<TaskOptions, 'selected' | 'confirm'> {
  /** Reads the settings; called again for each attempt to reach the database. */
  makeMachine(): Machine
  /** Nothing is applied, locked or kept. */
  check: boolean
  /** The name of the run in the result document. */
  verb: string
  /** Diffs stand in the document. */
  diff: boolean
}

/** Shows a run to people while it goes on. */
export interface RunObserver {
  /** Called at each attempt while the run waits for the database, or for another run. */
  onWait: TellWaiting
  /** Called when the machine is open, with its settings. */
  onOpen(machine: Machine): void
  /** Called when the tasks begin. @returns a function that gets their results */
  beginTasks(): Promise<Tell>
  /** Called when the tasks ended because the database went away, and will run again. */
  endAttempt(): Promise<void>
}

/** A run that is over, with its machine still open. */
export interface SetupRun extends CompletedRun, AsyncDisposable {
  machine: Machine
  /** Why the result could not be saved on disk; undefined where it was saved, or should not be. */
  saveError: string | undefined
}

/**
 * @throws KnownError `busy` while another run is active here, `configuration` and the like for settings
 * that cannot be read. The error of a task is not thrown: it is in the result
 */
export async function runSetup(request: RunRequest, observer: RunObserver): Promise<SetupRun> {
  using databaseWait = new DatabaseWait(observer.onWait)
  const startedAt = new Date()
  let earlier: readonly TaskResult[] = []
  for (;;) {
    await using resources = new AsyncDisposableStack()
    const { machine, lock } = await openAndLock(request, observer, databaseWait)
    resources.use(machine)
    using held = new DisposableStack()
    held.use(lock)
    observer.onOpen(machine)
    const results = joinAttempts(earlier, await goThroughTasks(machine, request, await observer.beginTasks()))
    const run = await completeRun({ ...request, results, startedAt })
    const conclude = () => (request.check ? undefined : keepResult(machine, run, lock))
    if (!databaseWait.isFor(machine, run.error)) {
      const saveError = await conclude()
      const opened = resources.move()
      return { ...run, saveError, machine, [Symbol.asyncDispose]: () => opened.disposeAsync() }
    }
    earlier = results
    held.dispose()
    await observer.endAttempt()
    await databaseWait.pause(machine, run.error)
  }
}

/** @returns no lock in check mode, and where preflight will fail */
async function openAndLock(
  { makeMachine, check }: RunRequest,
  { onWait }: RunObserver,
  databaseWait: DatabaseWait,
): Promise<{ machine: Machine; lock: Lock | undefined }> {
  const lockWait = new LockWait(onWait)
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
  { check, selected, confirm }: RunRequest,
  tell: Tell,
): Promise<readonly TaskResult[]> {
  const options = { selected, confirm, signal: machine.signal, restarts: new ServiceRestarts(machine) }
  return check ? planTasks(tasks, machine, options, tell) : applyTasks(tasks, machine, options, tell)
}

/** @returns why the result could not be saved */
async function keepResult(
  machine: Machine,
  { document, results }: CompletedRun,
  lock: Lock | undefined,
): Promise<string | undefined> {
  const saveError = saveResult(machine, document, lock)
  if (markComplete(machine, results)) await forgetFailedBoot(machine)
  return saveError
}

/** Clears the failed state of the first-boot unit, which systemd would keep until the next boot ("degraded"). */
async function forgetFailedBoot(machine: Machine): Promise<void> {
  if (!machine.services || machine.initSystem !== 'systemd') return
  const unit = `${services.firstBoot}.service`
  // An error here does not make the run fail.
  await machine.systemd.systemctl('reset-failed', unit).catch(() => {})
}

/**
 * Writes the completion mark, which tells the first-boot unit that the machine is set up. It is written last, after a
 * sync, by a run that did every task; never in an image.
 * @returns whether it was written now
 */
function markComplete({ host, request }: Machine, results: readonly TaskResult[]): boolean {
  const isWhole = results.every(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
  if (request.forImage || !isWhole || host.files.stat(paths.setupComplete)) return false
  host.syncDisks()
  host.files.write(paths.setupComplete, Buffer.alloc(0), { mode: 0o644 })
  return true
}
