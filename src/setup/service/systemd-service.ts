/** The daemon as a unit of systemd: installed, enabled, and running the installed version. */
import type { Plan } from '../../engine/task.ts'
import type { Ids } from '../../host/files/look.ts'
import { isUp, type UnitState } from '../../host/services/systemd.ts'
import { packagedTmpfiles, paths, services } from '../../paths.ts'
import { daemonFiles } from '../../product/own-program.ts'
import { isPidfileLinked, linkPidfile } from '../../product/pidfile-link.ts'
import { handOverRunFolder } from '../../product/run-folder.ts'
import type { Settings } from '../../settings/resolve.ts'
import type { Machine } from '../machine.ts'
import { requireReadableKey } from '../readable-key.ts'
import { planFiles } from './installed.ts'
import { ServiceRestarts } from './restarts.ts'
import { serviceUnit, tmpfilesConf } from './service-files.ts'
import { knowsDirective } from './systemd-directives.ts'
import { unitFiles } from './unit-files.ts'
import { enable, isEnabled, packagedUnit, requireNotMasked, unitPath } from './units.ts'

const unit = services.daemon

export async function planSystemdService(machine: Machine): Promise<Plan> {
  const { host } = machine
  requireNotMasked(host, unit)
  const settings = await machine.settingsWithRows()
  requireReadableKey(machine, settings)
  const files = planUnitFiles(machine, settings)
  const state = machine.isOffline ? undefined : await machine.systemd.unit(unit)
  const isLinked = machine.isOffline || isPidfileLinked(host)
  const formerOwner = runFolderOwner(machine)
  const restarts = new ServiceRestarts(machine)
  const isStale = state !== undefined && isOlderThanFiles(machine, state) && !restarts.due().includes(unit)
  const isDown = state !== undefined && !isUp(state)
  const isInFirstBoot = isDown && (await machine.isInFirstBoot())
  const starts = isDown && !(isInFirstBoot && state.hasJob)
  const steps = [
    ...files.steps,
    ...(isEnabled(host, unit) ? [] : [`enable ${unit}`]),
    ...(isLinked ? [] : [`link ${paths.oldPidfile}`]),
    ...(formerOwner ? [`give ${paths.run} to ${machine.ownerNames.user}`] : []),
    ...(state?.needsReload ? ['have systemd read its units again'] : []),
    ...(isStale ? ['have it restarted: it is older than what it runs'] : []),
    ...(starts ? [`start ${unit}`] : []),
  ]
  const warnings = [...files.warnings, ...notReadyWarning(state)]
  if (steps.length === 0) return { ...settledPlan(state), warnings }
  const touchesUnit = files.steps.length > 0 || state?.needsReload || isStale
  return {
    outcome: 'change',
    summary: steps.join(', '),
    diff: files.diff,
    warnings,
    ...(touchesUnit && { restarts: unit }),
    async apply() {
      files.apply()
      if (!machine.isOffline) await machine.systemd.systemctl('daemon-reload')
      if (!isEnabled(host, unit)) await enable(machine, unit)
      if (!isLinked) linkPidfile(host)
      if (formerOwner) handOverRunFolder(host, formerOwner, machine.owner)
      if (!starts) return
      if (isInFirstBoot) await machine.systemd.orderForLater('start', unit)
      else await machine.systemd.start(unit)
      // The started daemon has read everything that was changed until now: no restart is due any more.
      restarts.settle(unit)
    },
  }
}

function planUnitFiles(machine: Machine, settings: Settings) {
  const { host } = machine
  const unitOf = (command: readonly string[]) => serviceUnit(machine, settings, command)
  const { wanted, obsolete } = unitFiles(machine, unit, 'frameworkd', unitOf)
  const conf = tmpfilesConf(machine)
  // A file in /etc overrides the packaged one of that name (tmpfiles.d(5)).
  const isPackaged = host.files.read(packagedTmpfiles)?.bytes.equals(Buffer.from(conf.text)) === true
  return planFiles(
    host,
    [...wanted, ...(isPackaged ? [] : [conf])],
    [...obsolete, ...(isPackaged ? [paths.tmpfiles] : [])],
  )
}

/**
 * The owner of the folder of lock and pidfile, where that is not the service's owner and the unit does not change it:
 * on an old systemd, which would remove the folder at a stop, the unit has no RuntimeDirectory=.
 */
function runFolderOwner({ host, isOffline, systemdVersion, owner }: Machine): Ids | undefined {
  if (isOffline || knowsDirective(systemdVersion, 'RuntimeDirectory')) return undefined
  const found = host.files.stat(paths.run)
  return found && found.uid !== owner.uid ? found : undefined
}

function settledPlan(state: UnitState | undefined): { outcome: 'ok' | 'deferred'; summary: string } {
  if (!state) return { outcome: 'deferred', summary: `${unit} is enabled, and runs from the next boot` }
  return isUp(state)
    ? { outcome: 'ok', summary: `${unit} is enabled and runs` }
    : { outcome: 'deferred', summary: `${unit} is enabled, and starts when the boot is over` }
}

/** Whether its program, unit or settings have changed since it was started, whoever changed them. */
function isOlderThanFiles(machine: Machine, state: UnitState): boolean {
  const { startedAtMs } = state
  if (startedAtMs === undefined || !isUp(state)) return false
  const { files } = machine.host
  const unitFile = packagedUnit(machine.host, unit) ?? unitPath(unit)
  const read = [...daemonFiles(), unitFile, machine.request.settingsFile, paths.ossimConf]
  // A time in the future is ignored: the clock was set since.
  return read.some((path) => {
    const changedMs = files.stat(path)?.ctimeMs ?? 0
    return changedMs > startedAtMs && changedMs <= Date.now()
  })
}

function notReadyWarning(state: UnitState | undefined): string[] {
  if (state?.active !== 'activating' || !isUp(state)) return []
  return [`${unit} is not ready yet: ${state.status || 'it is starting'}`]
}
