/** `frameworkd-setup seal`: make a machine or an image safe to clone. */
import { KnownError } from '../../errors.ts'
import { resolveAccount } from '../../host/accounts.ts'
import type { Host } from '../../host/host.ts'
import { requireRights } from '../../host/preconditions.ts'
import { isThisMachine } from '../../host/this-machine.ts'
import { paths } from '../../paths.ts'
import { type LoadedSettings, loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { lockForWork } from '../../setup/run-mark.ts'
import { sealTasks, settingsOfStore } from '../../setup/seal.ts'
import type { ConfigStore } from '../../store/config-store.ts'
import { openStore } from '../../store/open-store.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { findRunningDaemon } from '../running-daemon.ts'
import type { SetupFlags } from './request.ts'
import { concludeRun, runAndReport, type Show } from './run-and-report.ts'

/** @returns the exit code */
export async function seal(flags: SetupFlags, request: SettingsRequest, show: Show): Promise<number> {
  const signal = listenForInterrupts()
  const { host } = request
  const check = flags.isSet('check')
  if (!check) requireRights(host, 'seal')
  using _lock = check ? undefined : lockOut(host)
  const settings = loadSettings(request)
  await using localStore = await openLocalStore(settings, host, signal)
  const { keyFile } = await settingsOfStore(settings, host, localStore)
  const sealing = {
    host,
    settings,
    force: flags.isSet('force'),
    localStore,
    keyFile,
    daemon: () => findRunningDaemon(host, signal),
  }
  const run = await runAndReport(sealTasks, sealing, { check, signal }, show)
  return concludeRun(run, show)
}

/** A store on another machine is not this machine's, and one that does not exist needs no look. */
export async function openLocalStore(
  settings: LoadedSettings,
  host: Host,
  signal: AbortSignal,
): Promise<ConfigStore | undefined> {
  const { store, dbHost, dbSocket, dbUser } = settings
  const isLocal = dbSocket !== undefined || isThisMachine(dbHost)
  if (store === undefined || (store === 'mysql' && (!isLocal || dbUser === undefined))) return undefined
  try {
    return await openStore(settings, host, () => resolveAccount(host.files, settings.owner), signal)
  } catch (error) {
    if (error instanceof KnownError && error.code === 'database-unreachable') return undefined
    throw error
  }
}

/** Keeps runs of setup away. @throws KnownError `busy` while one is at work */
export function lockOut(host: Host): Disposable | undefined {
  if (!host.files.stat(paths.setupState)) return undefined
  const held = lockForWork(host)
  if (!held)
    throw new KnownError('busy', 'a run of frameworkd-setup is at work here', 'wait for it to end, then run again')
  return held
}
