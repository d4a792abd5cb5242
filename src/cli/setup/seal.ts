/** `frameworkd-setup seal`: make a machine or an image safe to clone. */

import { standardOutput } from '../../host/output/output.ts'
import { loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { sealTasks } from '../../setup/seal.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { rowsBelow } from './afterword.ts'
import { describeRemoval, lockForRemoval, openLocalStore, requireConsent } from './removal.ts'
import type { SetupFlags } from './request.ts'
import { concludeRun, type RunPresentation, runAndReport } from './run-and-report.ts'

/** @returns the exit code */
export async function seal(flags: SetupFlags, request: SettingsRequest, show: RunPresentation): Promise<number> {
  const signal = listenForInterrupts()
  const { host } = request
  const check = flags.isSet('check')
  using _lock = lockForRemoval(host, 'seal', check)
  const settings = loadSettings(request)
  await using localStore = await openLocalStore(settings, host, signal, show.slow.watch)
  const { request: sealing } = await describeRemoval(flags, host, settings, localStore, signal)
  const shown = await requireConsent(sealTasks, sealing, { flags, show, signal })
  const run = await runAndReport(sealTasks, sealing, { check, signal }, shown)
  const code = concludeRun(run, show)
  if (code !== 0 || check || show.format === 'json') return code
  const clone = host.isLive ? 'shut down and clone this machine; do not set it up again before' : 'clone the image'
  const stays = 'program, service, settings and logs; the rows on a server'
  const rows: [string, string][] = [
    ['stays', stays],
    ['next', `${clone}; each clone sets itself up at its first boot`],
  ]
  standardOutput.write(await rowsBelow(rows))
  return code
}
