/** `frameworkd-setup seal`: make a machine or an image safe to clone. */
import { loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { sealTasks } from '../../setup/seal.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { describeRemoval, lockForRemoval, openLocalStore } from './removal.ts'
import type { SetupFlags } from './request.ts'
import { concludeRun, runAndReport, type Show } from './run-and-report.ts'

/** @returns the exit code */
export async function seal(flags: SetupFlags, request: SettingsRequest, show: Show): Promise<number> {
  const signal = listenForInterrupts()
  const { host } = request
  const check = flags.isSet('check')
  using _lock = lockForRemoval(host, 'seal', check)
  const settings = loadSettings(request)
  await using localStore = await openLocalStore(settings, host, signal)
  const { request: sealing } = await describeRemoval(flags, host, settings, localStore, signal)
  const run = await runAndReport(sealTasks, sealing, { check, signal }, show)
  return concludeRun(run, show)
}
