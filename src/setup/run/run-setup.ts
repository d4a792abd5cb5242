/**
 * One run of setup, from lock to result: open, plan, apply, conclude. This is the room's door.
 *
 * 1. The database is waited for without the lock; everything after that, and all that is written, is
 *    done with it. Check mode writes nothing and takes no lock.
 * 2. Where preflight will fail the tasks run without the lock: they end before anything is changed.
 * 3. The result is kept last of all that is said of a run, and before the lock is given back, so that
 *    no older result takes the place of a newer one. The completion mark comes after it.
 */
import { applyTasks } from '../../engine/apply-tasks.ts'
import { planTasks, type TaskOptions, type Tell } from '../../engine/plan-tasks.ts'
import { type CompletedRun, completeRun } from '../../engine/report-json.ts'
import type { TaskResult } from '../../engine/task.ts'
import type { Lock } from '../../host/processes/lock.ts'
import { paths } from '../../paths.ts'
import { lockSetup } from '../lock-setup.ts'
import type { Machine } from '../machine.ts'
import { ServiceRestarts } from '../service/restarts.ts'
import { tasks } from '../tasks.ts'
import { saveResult } from './save-result.ts'
import { waitForDatabase } from './wait-for-database.ts'

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
  /** The database is waited for: one line an attempt. */
  waits(line: string): void
  /** There is a machine, with its settings. */
  opened(machine: Machine): void
  /** The tasks begin. @returns who gets their results */
  begins(): Promise<Tell>
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
  await using resources = new AsyncDisposableStack()
  const machine = resources.use(await waitForDatabase(order.makeMachine, (line) => observer.waits(line)))
  observer.opened(machine)
  const run = await runLocked(machine, order, observer)
  const opened = resources.move()
  return { ...run, machine, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function runLocked(
  machine: Machine,
  order: RunOrder,
  observer: RunObserver,
): Promise<Omit<SetupRun, 'machine' | keyof AsyncDisposable>> {
  using lock = order.check ? undefined : lockSetup(machine)
  const startedAt = new Date()
  const results = await goThroughTasks(machine, order, await observer.begins())
  const run = await completeRun({ ...order, results, startedAt })
  return { ...run, notKept: order.check ? undefined : conclude(machine, run, lock) }
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
function conclude(machine: Machine, { document, results }: CompletedRun, lock: Lock | undefined): string | undefined {
  const notKept = saveResult(machine, document, lock)
  markComplete(machine, results)
  return notKept
}

/**
 * Writes the completion mark, which ends the waiting for a first boot: last of all, after a sync,
 * by a run that did everything. An image stays without.
 */
function markComplete({ host, request }: Machine, results: readonly TaskResult[]): void {
  const isWhole = results.every(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
  if (request.forImage || !isWhole || host.files.stat(paths.setupComplete)) return
  host.syncDisks()
  host.files.write(paths.setupComplete, Buffer.alloc(0), { mode: 0o644 })
}
