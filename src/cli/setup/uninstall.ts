/** `frameworkd-setup uninstall`: remove what apply recorded that it installed. */
import { KnownError } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import { findInitSystem } from '../../host/services/init-system.ts'
import { Systemd } from '../../host/services/systemd.ts'
import { Sysv } from '../../host/services/sysv.ts'
import { defaultSettings, type LoadedSettings, loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { logFolderOf } from '../../settings/values/log-files.ts'
import { asksForOffline } from '../../setup/machine.ts'
import { purgeTasks, type UninstallRequest, uninstallTasks } from '../../setup/uninstall.ts'
import { setupCommand } from '../../text/command-line.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { rowsBelow } from './afterword.ts'
import { describeRemoval, lockForRemoval, openLocalStore, requireConsent } from './removal.ts'
import type { SetupFlags } from './request.ts'
import { concludeRun, type RunPresentation, runAndReport } from './run-and-report.ts'

/** @returns the exit code */
export async function uninstall(flags: SetupFlags, request: SettingsRequest, show: RunPresentation): Promise<number> {
  const signal = listenForInterrupts()
  const { host } = request
  const [check, purge] = [flags.isSet('check'), flags.isSet('purge')]
  using _lock = lockForRemoval(host, 'uninstall from', check)
  const settings = purge ? loadSettings(request) : loadIfValid(request)
  await using localStore = purge ? await openLocalStore(settings, host, signal, show.slow.watch) : undefined
  const isOffline = !host.isLive || asksForOffline(process.env) || host.isInChroot
  const init = isOffline ? 'none' : settings.init === 'auto' ? findInitSystem(host, true) : settings.init
  const systemd = init === 'systemd' ? new Systemd(host.commands, signal) : undefined
  const { request: removal, withPlaces } = await describeRemoval(flags, host, settings, localStore, signal)
  const work: UninstallRequest = {
    ...removal,
    purge,
    systemd,
    signal,
    manager: init === 'sysv' ? new Sysv(host.commands, signal) : systemd,
    logs: logFolderOf(withPlaces),
  }
  const tasks = purge ? purgeTasks : uninstallTasks
  const shown = purge ? await requireConsent(tasks, work, { flags, show, signal }) : show
  const run = await runAndReport(tasks, work, { check, signal }, shown)
  const code = concludeRun(run, show)
  if (code !== 0 || check || show.format === 'json') return code
  const isKept = run.results.some(({ warnings }) => warnings.some((warning) => warning.startsWith('kept: ')))
  const stays = [...(host.isLive ? ['the package'] : []), ...(isKept ? ['what is kept above'] : [])].join(', and ')
  const { root } = host.tree
  // The package of the running machine is not the tree's.
  const removePackage = host.isLive
    ? 'remove the package: apt-get remove frameworkd, or npm uninstall -g frameworkd'
    : undefined
  const next = purge
    ? removePackage
    : `set up again: ${setupCommand(root)}; or remove the rest: ${setupCommand(root, 'uninstall')} --purge`
  const rows: [string, string | undefined][] = [
    ['stays', stays === '' ? undefined : stays],
    ['next', next],
  ]
  standardOutput.write(await rowsBelow(rows))
  return code
}

/** Without --purge they only tell where to look for what is kept. */
function loadIfValid(request: SettingsRequest): LoadedSettings {
  try {
    return loadSettings(request)
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'configuration') throw error
    return defaultSettings()
  }
}
