import type { Diff, Plan } from '../../engine/task.ts'
import { isOpenToOthers } from '../../host/files/files.ts'
import type { Host } from '../../host/host.ts'
import { packageStatus, paths, programs, services } from '../../paths.ts'
import type { Machine, SetupTask } from '../machine.ts'
import { findPredecessor } from '../predecessor/find.ts'
import { findMonitFiles } from '../predecessor/monit-files.ts'
import { diversionOf, divert, findPackaged, moveAside } from '../predecessor/move.ts'
import { findPredecessorProcess, isUnitUp, stopPredecessor } from '../predecessor/process.ts'
import { isTakenOver, isTakeOverWanted, readInPlace } from '../predecessor/take-over.ts'
import { listMoved, planFiles, recordLink, shownText } from '../service/installed.ts'
import { predecessorScript } from '../service/service-files.ts'
import { packagedUnit, unitPath } from '../service/units.ts'

const old = services.predecessor
/** An alias of our unit with the original's name. It also overrides a packaged unit of that name (systemd.unit(5)). */
const alias = unitPath(old)

/**
 * Makes sure that the original does not run, and is not started again by a boot, by Monit or by the web interface. A
 * program that calls it by its name gets our daemon. Nothing is lost: `uninstall` puts everything back.
 */
export const predecessor: SetupTask = {
  name: 'predecessor',
  title: 'Take over from the original',
  tags: ['service'],
  async plan(machine): Promise<Plan> {
    const { host } = machine
    const found = findPredecessor(host)
    const original = findPredecessorProcess(host)
    if (found.length === 0 && !original && !isTakenOver(host))
      return { outcome: 'ok', summary: `there is no ${old} here` }
    if (!isTakeOverWanted(machine)) return { outcome: 'ok', summary: `${old} is left as it is` }
    const script = planFiles(host, [predecessorScript(machine)], [], found)
    // With our alias in place, a unit that is up under that name is ours.
    const isUp = needsAlias(machine) && (await isUnitUp(machine))
    const steps = [
      ...(original ? [`stop ${old}, pid ${original.pid}`] : isUp ? [`stop ${old}`] : []),
      ...(isAsideOpen(host) ? [`close ${paths.movedAside} to others`] : []),
      ...found.map((path) => `move ${path} aside`),
      ...listUndiverted(machine, found).map((path) => `have dpkg leave ${path} alone`),
      ...script.steps,
      ...(needsAlias(machine) ? [`link ${alias}`] : []),
    ]
    const warnings = [...script.warnings, ...unaskedPackages(machine, found)]
    if (steps.length === 0) return { ...settledPlan(machine), warnings }
    return {
      outcome: 'change',
      summary: steps.join(', '),
      diff: [...script.diff, ...diffOf(host, found)],
      warnings,
      apply: () => takeOver(machine, found),
    }
  },
}

/**
 * Files that would start the original again are moved first. At the end, when none is left, it is stopped once more.
 */
async function takeOver(machine: Machine, found: readonly string[]): Promise<void> {
  const { host, signal, services: manager } = machine
  const packaged = await findPackaged(host, found, signal)
  host.files.makePrivateFolder(paths.movedAside)
  const watching = findMonitFiles(host).filter((path) => found.includes(path))
  // A link in the place of the init script may lead nowhere, and then there is no script to call.
  const scripts = readInPlace(
    host,
    found.filter((path) => path === paths.oldInitScript),
  )
  const others = found.filter((path) => !watching.includes(path))
  const move = (path: string) => moveAside(host, path, packaged.has(path) ? 'package' : 'administrator')
  for (const path of watching) move(path)
  if (watching.length > 0 && (await manager?.isRunning(services.monit))) await manager?.reload(services.monit)
  await stopPredecessor(machine, scripts.length > 0)
  for (const path of others) move(path)
  for (const path of listUndiverted(machine, [])) await divert(host, path, signal)
  planFiles(host, [predecessorScript(machine)]).apply()
  await stopPredecessor(machine, false)
  if (needsAlias(machine)) {
    recordLink(host, alias)
    host.files.writeLink(alias, aliasTarget(machine))
  }
  if (manager && machine.initSystem === 'systemd') await machine.systemd.systemctl('daemon-reload')
}

/**
 * Whether others may enter the folder of moved files. A file's old folder may have been private; this one must be,
 * too.
 */
function isAsideOpen({ files }: Host): boolean {
  const folder = files.folder(paths.movedAside)
  return folder !== undefined && isOpenToOthers(folder)
}

/** Moved files of packages that dpkg would install again. @param found files that are not moved yet */
function listUndiverted({ host }: Machine, found: readonly string[]): string[] {
  return [...listMoved(host)]
    .filter(([path, origin]) => origin === 'package' && !found.includes(path) && diversionOf(host, path) === undefined)
    .map(([path]) => path)
}

function needsAlias(machine: Machine): boolean {
  return machine.initSystem === 'systemd' && machine.host.files.readLink(alias) !== aliasTarget(machine)
}

function aliasTarget({ host }: Machine): string {
  return packagedUnit(host, services.daemon) ?? unitPath(services.daemon)
}

/** Diffs of the moved files; the init script is left out, since its replacement has a diff of its own. */
function diffOf(host: Host, found: readonly string[]): Diff[] {
  return readInPlace(host, found)
    .filter(({ path }) => path !== paths.oldInitScript)
    .map(({ path, text, mode }) => ({ path, before: shownText(text, mode), after: '' }))
}

function unaskedPackages({ host }: Machine, found: readonly string[]): string[] {
  if (found.length === 0 || host.commands.find(programs.packageQuery) || !host.files.stat(packageStatus)) return []
  return [`${programs.packageQuery} cannot be run there: a package that brought ${found.join(', ')} may bring it again`]
}

function settledPlan(machine: Machine): { outcome: 'ok' | 'deferred'; summary: string } {
  const summary = `${old} is moved aside, to ${paths.movedAside}`
  return machine.isOffline
    ? { outcome: 'deferred', summary: `${summary}; ours answers to its name from the next boot` }
    : { outcome: 'ok', summary }
}
