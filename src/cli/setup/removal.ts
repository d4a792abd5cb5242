/** What `seal` and `uninstall` begin with: nobody else at work, the store of this machine, and what is to go. */
import { planTasks } from '../../engine/plan-tasks.ts'
import type { Task } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import { resolveAccount } from '../../host/accounts.ts'
import type { Host } from '../../host/host.ts'
import { standardOutput } from '../../host/output/output.ts'
import { requireRights } from '../../host/preconditions.ts'
import { isThisMachine } from '../../host/this-machine.ts'
import { parseKeyFile, parseKeyRow } from '../../key/key-file.ts'
import { rowName } from '../../keycheck/refusal.ts'
import { paths } from '../../paths.ts'
import type { LoadedSettings } from '../../settings/load.ts'
import type { Settings } from '../../settings/resolve.ts'
import { serversOf } from '../../settings/values/servers.ts'
import { lockForWork } from '../../setup/run-mark.ts'
import { type RemovalRequest, settingsOfStore } from '../../setup/seal.ts'
import { type ConfigStore, keyRow, type Watch } from '../../store/config-store.ts'
import { openStore } from '../../store/open-store.ts'
import { exportCommand } from '../../text/command-line.ts'
import { wrapTo } from '../../text/wrap.ts'
import { findRunningDaemon } from '../running-daemon.ts'
import { showPlan } from '../wizard/show-plan.ts'
import { confirm, stoppedByPerson } from '../wizard/terminal.ts'
import { openTerminal, requireSomebodyToAsk } from './ask.ts'
import type { SetupFlags } from './request.ts'
import type { RunPresentation } from './run-and-report.ts'

/**
 * Keeps runs of setup away while something is removed; check mode removes nothing.
 * @param what completes "only root may … this machine"
 * @throws KnownError `preflight` without the rights, `busy` while a run is at work
 */
export function lockForRemoval(host: Host, what: string, check: boolean): Disposable | undefined {
  if (check) return undefined
  requireRights(host, what)
  if (!host.files.stat(paths.setupState)) return undefined
  const held = lockForWork(host)
  if (!held)
    throw new KnownError('busy', 'a run of frameworkd-setup is at work here', 'wait for it to end, then run again')
  return held
}

/** A store on another machine is not this machine's, and one that does not exist needs no look. */
export async function openLocalStore(
  settings: LoadedSettings,
  host: Host,
  signal: AbortSignal,
  watch: Watch,
): Promise<ConfigStore | undefined> {
  const { store, dbSocket, dbUser } = settings
  const isLocal = dbSocket !== undefined || serversOf(settings).some((server) => isThisMachine(server.host))
  if (store === undefined || (store === 'mysql' && (!isLocal || dbUser === undefined))) return undefined
  try {
    return await openStore(settings, host, () => resolveAccount(host.files, settings.owner), signal, { watch })
  } catch (error) {
    if (error instanceof KnownError && error.code === 'database-unreachable') return undefined
    throw error
  }
}

/**
 * What is destroyed is named first, and a person at the terminal is asked. `--yes` and `--non-interactive` are
 * consent; without them it is refused where nobody can be asked. Where nothing would go, nothing is asked.
 * @returns how the run is shown then: its title is not said twice
 * @throws KnownError `interrupted` for any answer but yes, `usage` where nobody can be asked, and what a task
 * cannot be planned for; nothing was changed then
 */
export async function requireConsent<M extends RemovalRequest>(
  tasks: readonly Task<M>[],
  machine: M,
  { flags, show, signal }: { flags: SetupFlags; show: RunPresentation; signal: AbortSignal },
): Promise<RunPresentation> {
  if (flags.isSet('check') || flags.isSet('yes') || flags.isSet('non-interactive')) return show
  const results = await planTasks(tasks, machine, { selected: () => true, signal })
  const failed = results.find(({ error }) => error !== undefined)
  // Found out later, it would end a run that has destroyed the key already.
  if (failed) throw failed.error
  if (!results.some(({ outcome }) => outcome === 'pending')) return show
  requireSomebodyToAsk(flags, show, 'the key goes')
  const wrap = wrapTo(standardOutput)
  if (show.title !== undefined) standardOutput.write(`${wrap(show.title, 0)}\n`)
  await showPlan(results, show)
  standardOutput.write(`\n${wrap(await describeLoss(machine), 0)}\n\n`)
  if (!(await confirm(await openTerminal(signal, show.color), 'Remove all that?'))) throw stoppedByPerson()
  return { ...show, title: undefined }
}

/** What is lost with a key file, and who has the key still. */
async function describeLoss({ host, settings, localStore, keyFile }: RemovalRequest): Promise<string> {
  const isEmbedded = settings.store === 'sqlite' && host.files.stat(paths.storeFile) !== undefined
  const what = isEmbedded
    ? 'the key file, what was kept beside it, and the embedded store with all its rows'
    : 'the key file and what was kept beside it'
  const others =
    !isEmbedded && localStore !== undefined && (await hasKeyOf(localStore, keyFile, host))
      ? `${rowName.charAt(0).toUpperCase()}${rowName.slice(1)} still has the key, in ${localStore.place}`
      : 'Whoever has no copy of the key loses every stored password'
  return `Lost for good: ${what}. ${others}. To make a copy of the key: ${exportCommand(host.tree.root)}`
}

/** Whether the row of a store holds the key of a file. */
async function hasKeyOf(store: ConfigStore, keyFile: string, host: Host): Promise<boolean> {
  if (!(await store.schema()).table) return false
  const inFile = parseKeyFile(host.files.read(keyFile)?.bytes ?? Buffer.alloc(0))
  const inRow = parseKeyRow((await store.rows()).get(keyRow) ?? Buffer.alloc(0))
  return inFile.kind === 'good' && inRow.kind === 'good' && inRow.key.equals(inFile.key)
}

/** What is to go, and the settings with the places that the rows of the local store name. */
export async function describeRemoval(
  flags: SetupFlags,
  host: Host,
  settings: LoadedSettings,
  localStore: ConfigStore | undefined,
  signal: AbortSignal,
): Promise<{ request: RemovalRequest; withPlaces: Settings }> {
  const withPlaces = await settingsOfStore(settings, host, localStore)
  const request = {
    host,
    settings,
    force: flags.isSet('force'),
    localStore,
    keyFile: withPlaces.keyFile,
    daemon: () => findRunningDaemon(host, signal),
  }
  return { request, withPlaces }
}
