/**
 * Removes what apply recorded that it installed. Key file, row, logs and files that a person changed
 * are kept and listed. `--purge` removes logs, state and key file too, after the same check as
 * seal; a row on a server is never touched.
 */
import type { Plan, Task } from '../engine/task.ts'
import type { Host } from '../host/host.ts'
import type { ServiceManager } from '../host/services/service-manager.ts'
import type { Systemd } from '../host/services/systemd.ts'
import { paths, services } from '../paths.ts'
import { isPidfileLinked } from '../product/pidfile-link.ts'
import { logNames } from '../settings/values/log-files.ts'
import { asideOf, diversionOf, endDiversion, listAside, putBack } from './predecessor/move.ts'
import { embeddedStore, keyFile, planRemoval, type RemovalRequest, setupState, values } from './seal.ts'
import { isAsWritten, listInstalled, listMoved, requireRecord } from './service/installed.ts'
import { listRestartMarks } from './service/restarts.ts'
import { listRunlevelLinks } from './service/runlevels.ts'

/** What is uninstalled. */
export interface UninstallRequest extends RemovalRequest {
  /** What starts and stops services here; undefined where nothing does, or running services must not be touched. */
  manager: ServiceManager | undefined
  /** systemd, which has to read its units again; undefined as above. */
  systemd: Systemd | undefined
  signal: AbortSignal
  purge: boolean
  /** The folder of the logs, without a slash at its end. */
  logs: string
}

type UninstallTask = Task<UninstallRequest>

const service: UninstallTask = {
  name: 'service',
  title: 'Stop and disable the service',
  tags: ['service'],
  async plan(request) {
    const { host, manager } = request
    const { files, links } = listInstalled(host)
    const isOurs = links.length > 0 || files.length > 0
    const running = isOurs && manager ? await runningServices(manager, host) : []
    // Monit's check goes first: Monit would start the stopped service again.
    const watching = files.filter((path) => isOfMonit(path) && isAsWritten(host, path))
    const there = [
      ...links,
      ...(files.includes(paths.initScript) ? listRunlevelLinks(host) : []),
      ...pidfileLink(host),
    ].filter((path) => isLink(host, path))
    // A daemon that was started by hand, or runs without an init system.
    const other = running.includes(services.daemon) ? undefined : request.daemon()
    const steps = [
      ...watching.map((path) => `remove ${path}`),
      ...running.map((name) => `stop ${name}`),
      ...(other ? [`stop frameworkd, pid ${other.pid}`] : []),
      ...there.map((path) => `remove ${path}`),
    ]
    if (steps.length === 0) return { outcome: 'ok', summary: 'nothing runs and nothing is enabled' }
    return {
      outcome: 'change',
      summary: steps.join(', '),
      async apply() {
        for (const path of watching) host.files.remove(path)
        if (watching.length > 0) await reloadMonit(request)
        for (const name of running) await manager?.stop(name)
        await other?.stop()
        for (const path of there) host.files.remove(path)
      },
    }
  },
}

const files: UninstallTask = {
  name: 'files',
  title: 'Remove the files of the service',
  tags: ['files'],
  async plan(request) {
    const { host, systemd } = request
    const ours = listInstalled(host).files.filter((path) => !isOfMonit(path) && isAsWritten(host, path))
    const plan = planRemoval(host, ours)
    if (plan.outcome !== 'change') return plan
    return {
      ...plan,
      async apply() {
        await plan.apply()
        for (const folder of dropInFolders(ours)) host.files.removeEmptyFolder(folder)
        await systemd?.systemctl('daemon-reload')
      },
    }
  },
}

/** Has Monit read its files again: a check was removed, or put back. */
async function reloadMonit({ manager }: UninstallRequest): Promise<void> {
  if (await manager?.isRunning(services.monit)) await manager?.reload(services.monit)
}

function isOfMonit(path: string): boolean {
  return path.startsWith('/etc/monit/')
}

/** Puts the files back in the reverse order, so that those that would start the original come last. */
const predecessor: UninstallTask = {
  name: 'predecessor',
  title: 'Put the original back',
  tags: ['service'],
  async plan(request) {
    const { host, manager, systemd, signal } = request
    requireRecord(host)
    const moved = [...listMoved(host).keys()].reverse()
    const aside = moved.filter((path) => host.files.stat(asideOf(path)))
    const isTaken = (path: string) =>
      host.files.stat(path) !== undefined && !isAsWritten(host, path) && !isOurLink(host, path)
    const back = aside.filter((path) => !isTaken(path))
    const diverted = moved.filter((path) => diversionOf(host, path)?.to === asideOf(path))
    const taken = aside.filter(isTaken)
    const others = listAside(host).filter((kept) => !aside.some((path) => asideOf(path) === kept))
    const warnings = [
      ...taken.map((path) => `kept: ${asideOf(path)}, for there is something else at ${path}`),
      ...(others.length > 0 ? [`kept: ${others.join(', ')}`] : []),
    ]
    if (back.length + diverted.length === 0) return { outcome: 'ok', summary: 'nothing was moved aside', warnings }
    const told = `${services.predecessor} is back as it was, and not started by this`
    const hint = manager ? `; start it with: service ${services.predecessor} start` : ''
    return {
      outcome: 'change',
      summary: `put back ${(back.length > 0 ? back : diverted).join(', ')}`,
      warnings: [...warnings, `${told}${hint}`],
      async apply() {
        for (const path of back) putBack(host, path)
        for (const path of diverted) await endDiversion(host, path, signal)
        await systemd?.systemctl('daemon-reload')
        if (back.some(isOfMonit)) await reloadMonit(request)
      },
    }
  },
}

/** Whether a link that we made is at the path; it stays until the service is disabled. */
function isOurLink(host: Host, path: string): boolean {
  return listInstalled(host).links.includes(path) && isLink(host, path)
}

/** The folders of our drop-ins; they are removed only when empty, as an administrator may have drop-ins there. */
function dropInFolders(files: readonly string[]): string[] {
  return files.map((path) => path.replace(/\/[^/]*$/, '')).filter((folder) => folder.endsWith('.service.d'))
}

const record: UninstallTask = {
  name: 'record',
  title: 'Forget what was installed',
  tags: ['files'],
  async plan(request) {
    const { host } = request
    const plan = planRemoval(host, [paths.setupComplete, paths.setupInstalled, ...listRestartMarks(host)])
    return { ...plan, warnings: [...(plan.warnings ?? []), ...listKept(request)] }
  },
}

const logs: UninstallTask = {
  name: 'logs',
  title: 'Remove the logs',
  tags: ['files'],
  async plan(request) {
    return planRemoval(request.host, listLogs(request))
  },
}

/** The rest of the state, and its folders where they are empty then. */
const state: UninstallTask = {
  name: 'state',
  title: 'Remove settings and state',
  tags: ['files'],
  async plan({ host }): Promise<Plan> {
    const plan = planRemoval(host, [paths.settings, paths.setupLock])
    if (plan.outcome !== 'change') return plan
    return {
      ...plan,
      async apply() {
        await plan.apply()
        for (const folder of [paths.settingsFolder, paths.setupState, paths.storeFolder, paths.state])
          host.files.removeEmptyFolder(folder)
      },
    }
  },
}

/** What uninstall does, in order. */
export const uninstallTasks: readonly UninstallTask[] = [service, files, predecessor, record]
/** The same with `--purge`. */
export const purgeTasks: readonly UninstallTask[] = [
  values,
  service,
  files,
  predecessor,
  record,
  logs,
  keyFile,
  embeddedStore,
  setupState,
  state,
]

async function runningServices(manager: ServiceManager, host: Host): Promise<string[]> {
  const isSystemd = host.files.stat(paths.initScript) === undefined
  const names = isSystemd ? [services.firstBoot, services.daemon] : [services.daemon]
  const found = await Promise.all(names.map(async (name) => ((await manager.isRunning(name)) ? [name] : [])))
  return found.flat()
}

function pidfileLink(host: Host): string[] {
  return isPidfileLinked(host) ? [paths.oldPidfile] : []
}

function isLink(host: Host, path: string): boolean {
  return host.files.readLink(path) !== undefined
}

function listLogs({ host, logs }: UninstallRequest): string[] {
  const isLog = (name: string) => logNames.some((log) => name === log || name.startsWith(`${log}.`))
  return host.files
    .list(logs)
    .filter(isLog)
    .map((name) => `${logs}/${name}`)
}

function listKept(request: UninstallRequest): string[] {
  const { host, purge, settings } = request
  const moved = listMoved(host)
  const changed = listInstalled(host).files.filter((path) => !moved.has(path) && !isAsWritten(host, path))
  const own = purge ? [] : [settings.keyFile, paths.storeFile, paths.settings, ...listLogs(request)]
  const kept = [...changed, ...own, paths.ossimConf].filter((path) => host.files.stat(path))
  const rows = settings.store === 'mysql' ? ['the rows of table config'] : []
  return kept.length + rows.length === 0 ? [] : [`kept: ${[...kept, ...rows].join(', ')}`]
}
