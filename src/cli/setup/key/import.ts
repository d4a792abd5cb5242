/** `frameworkd-setup key import`: a sealed key, proven, then put in place. */
import { importTasks } from '../../../setup/import-key.ts'
import { lockForChange, lockInTime } from '../../../setup/lock-setup.ts'
import { ServiceRestarts } from '../../../setup/service/restarts.ts'
import { listenForInterrupts } from '../../interrupts.ts'
import { readShow, type SetupFlags } from '../request.ts'
import { concludeRun, runAndReport } from '../run-and-report.ts'
import { sayWaiting } from '../waiting-line.ts'
import { openGivenKey, openMachine } from './sealed.ts'

/** @returns the exit code */
export async function importKey(flags: SetupFlags): Promise<number> {
  const signal = listenForInterrupts()
  const show = readShow(flags, 'key import')
  const check = flags.isSet('check')
  await using machine = openMachine(flags, { check, only: 'import a key into', watch: show.slow.watch }, signal)
  // Before the lock: a person takes their time.
  const candidate = await openGivenKey({ flags, show, signal })
  using _lock = check
    ? undefined
    : await sayWaiting(show.color, (tell) => lockInTime(machine, tell, () => lockForChange(machine.host)))
  const restarts = new ServiceRestarts(machine)
  const options = { check, signal, restarts }
  const tasks = importTasks({ candidate, force: flags.isSet('force') })
  return concludeRun(await runAndReport(tasks, machine, options, show), show)
}
