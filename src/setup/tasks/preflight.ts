import { KnownError } from '../../errors.ts'
import { checkRights, explainFailures, type Failure as HostFailure } from '../../host/preconditions.ts'
import { hasIds } from '../../host/processes/rights/privileges.ts'
import { isSystemdRunning } from '../../host/services/init-system.ts'
import { paths, programFolders, programs, services } from '../../paths.ts'
import { logFolderOf } from '../../settings/values/log-files.ts'
import { setupCommand } from '../../text/command-line.ts'
import type { Machine, SetupTask } from '../machine.ts'
import { findPredecessor, isCheckedByControlFile } from '../predecessor/find.ts'
import { findPredecessorProcess } from '../predecessor/process.ts'
import { isTakeOverWanted } from '../predecessor/take-over.ts'
import type { PreflightName } from '../preflight-name.ts'
import { packagedUnit, unitPath } from '../service/units.ts'

/** A failed check of preflight. */
type Failure = HostFailure<PreflightName>

/** Runs all checks, and reports all failures together, by name; those of `--ignore-preflight` are warnings. */
export const preflight: SetupTask = {
  name: 'preflight',
  title: 'Check what the run needs',
  tags: ['always'],
  async plan(machine) {
    const failures = findFailures(machine)
    if (failures.length > 0) throw explainPreflight(failures)
    const ignored = runChecks(machine).map(({ name, message }) => `${name}: ${message} (ignored)`)
    const warnings = [...ignored, ...ownerWarning(machine), ...treeWarnings(machine)]
    return { outcome: 'ok', summary: 'Linux, rights, account, init system, places to write', warnings }
  },
}

/** One error for all failures, with the option that ignores them. */
export function explainPreflight(failures: readonly Failure[]): KnownError {
  const { code, message, hint } = explainFailures(failures)
  // `rights` is not offered: without them the run would only fail later.
  const names = failures.map(({ name }) => name).filter((name) => name !== 'rights')
  if (names.length === 0) return new KnownError(code, message, hint)
  return new KnownError(code, message, `${hint}; to go on all the same: --ignore-preflight ${names.join(',')}`)
}

/** The failures that end the run: those that `--ignore-preflight` does not name. */
export function findFailures(machine: Machine): Failure[] {
  return runChecks(machine).filter(({ name }) => !machine.request.ignoredPreflight.includes(name))
}

/** Runs every check; none depends on the success of another. */
function runChecks(machine: Machine): readonly Failure[] {
  const checks = [checkLinux, checkSetupRights, checkAccount, checkInitSystem, checkWritable, checkPredecessor]
  return machine.lookOnce('preflight', () => checks.flatMap((check) => check(machine) ?? []))
}

/** flock(1) is needed where the C library cannot be called (host/processes/locks/flock.ts). */
function checkLinux({ host }: Machine): Failure | undefined {
  if (host.hasOwnProgram(programs.lock)) return undefined
  const message = `${programs.lock} is not in ${programFolders.join(', ')}`
  return { name: 'linux', message, hint: 'install the package util-linux' }
}

function checkSetupRights({ host }: Machine): Failure | undefined {
  return checkRights(host, 'set up')
}

function checkAccount(machine: Machine): Failure | undefined {
  try {
    const { text, uid, gid } = machine.owner
    if (!machine.host.privileged || hasIds(machine.owner)) return undefined
    const message = `${text} has the ids ${uid}:${gid}, which this user namespace does not have`
    return { name: 'account', message, hint: 'map them (newuidmap(1)), or name another with --owner' }
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return { name: 'account', message: error.message, hint: error.hint }
  }
}

function checkInitSystem(machine: Machine): Failure | undefined {
  const { host, initSystem, isOffline } = machine
  const name = 'init-system'
  if (initSystem === 'none') return undefined
  if (initSystem === 'sysv' && !host.files.stat('/etc/init.d')?.isDirectory()) {
    return { name, message: 'there is no folder /etc/init.d', hint: 'name another init system with --init' }
  }
  if (initSystem === 'systemd' && !isOffline) {
    const hint = 'install the package systemd and boot with it, or install no service: --init none'
    if (!host.commands.find(programs.systemctl))
      return { name, message: `${programs.systemctl} is not in ${programFolders.join(', ')}`, hint }
    if (!isSystemdRunning(host)) return { name, message: 'systemd does not run here', hint }
  }
  const hidden = host.isLive ? hiddenFile(machine) : undefined
  return hidden === undefined ? undefined : { name, ...hidden }
}

/**
 * A file that the service has to run or read, and cannot: the unit hides its folder, or its account may not read it.
 */
function hiddenFile(machine: Machine): { message: string; hint: string } | undefined {
  const { host, request, settings, initSystem } = machine
  const read = [request.settingsFile, settings.dbSslCa ?? ''].filter((path) => path !== '' && host.files.stat(path))
  const folders = /^\/(home|root|run\/user|tmp|var\/tmp)\//
  const command = machine.command('frameworkd').filter((word) => word.startsWith('/'))
  for (const path of [...command, ...read]) {
    const hint = read.includes(path)
      ? `move it to ${paths.settingsFolder}, or install no service: --init none`
      : 'install frameworkd for all users (npm install -g, or the package), or install no service: --init none'
    const isHidden = initSystem === 'systemd' && folders.test(path)
    if (isHidden) return { message: `the service cannot use ${path}: that folder is hidden from services`, hint }
    if (!canReadAsOwner(machine, path)) return { message: `the service's account cannot read ${path}`, hint }
  }
  return undefined
}

/** Whether the owner can read a file; true where the account does not exist, which is the failure of another check. */
function canReadAsOwner(machine: Machine, path: string): boolean {
  if (checkAccount(machine)) return true
  const { host, owner } = machine
  return host.rightsOf(owner).run(() => host.isReadable(path))
}

/**
 * Every run writes state; files of /etc are written only where they are missing, so that /etc may be read-only on a
 * machine that is set up.
 */
function checkWritable(machine: Machine): Failure | undefined {
  const { host, settings } = machine
  const refusal = refusedFolder(machine)
  if (refusal) return refusal
  const key = settings.keyFile === paths.keyFile && !machine.request.forImage ? [paths.keyFile] : []
  const missing = [...key, ...serviceFiles(machine)].filter((path) => !host.files.stat(path))
  const going = machine.request.takeOver ? findPredecessor(host) : []
  const wanted = [`${paths.setupState}/`, ...missing, ...going]
  const closed = wanted.map((path) => host.files.closedFolder(path)).filter((one) => one !== undefined)
  if (closed.length === 0) return undefined
  const { path, why } = closed[0] ?? { path: '', why: '' }
  return {
    name: 'writable',
    message: `${path} cannot be written: ${why}`,
    hint: 'mount it read-write, or run as its owner',
  }
}

/** Folders that later tasks would refuse, when row and file are changed already: they are checked here first. */
function refusedFolder({ host, settings }: Machine): Failure | undefined {
  try {
    const logs = logFolderOf(settings)
    for (const path of [paths.state, paths.setupState, logs]) if (path !== '') host.files.folder(path)
    return undefined
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return { name: 'writable', message: error.message, hint: error.hint }
  }
}

function serviceFiles({ host, initSystem }: Machine): string[] {
  const units = [services.daemon, services.firstBoot].filter((unit) => !packagedUnit(host, unit)).map(unitPath)
  const monit = host.files.stat(paths.monitFolder) ? [paths.monit] : []
  const byInit = { systemd: units, sysv: [paths.initScript], none: [] }
  return [...byInit[initSystem], paths.logrotate, ...monit]
}

/** The original's daemon has the port that ours needs, and it would overwrite keys when something starts it again. */
function checkPredecessor(machine: Machine): Failure | undefined {
  const { host } = machine
  const name = 'predecessor'
  if (isCheckedByControlFile(host)) {
    const message = `${paths.monitControl} itself has a check of ${services.predecessor}`
    return { name, message, hint: `take it out of ${paths.monitControl}, and have Monit reload` }
  }
  if (isTakeOverWanted(machine)) return undefined
  const original = findPredecessorProcess(host)
  const found = [...(original ? [`pid ${original.pid}`] : []), ...findPredecessor(host)]
  if (found.length === 0) return undefined
  const hint = 'have all of it moved aside, until uninstall puts it back: --take-over'
  return { name, message: `${services.predecessor} is still here: ${found.join(', ')}`, hint }
}

/** Whether `--take-over` can solve it. */
export function mayTakeOver({ host }: Machine): boolean {
  return !isCheckedByControlFile(host)
}

/** Warnings for a tree that lacks something for its first boot. */
function treeWarnings(machine: Machine): string[] {
  const { host, request, settings } = machine
  const [program] = machine.command('frameworkd')
  const lacksProgram = machine.initSystem !== 'none' && !host.isLive && !host.files.stat(program)
  const isSetUp = request.forImage && host.files.stat(paths.setupComplete) !== undefined
  const seal = setupCommand(host.tree.root, 'seal')
  const lacksStore = request.forImage && settings.store === undefined
  return [
    ...(lacksProgram ? [`${program} is not in the tree; install frameworkd there before it boots`] : []),
    ...(isSetUp ? [`this is a machine that was set up, and every clone would be it; run ${seal}`] : []),
    ...(lacksStore ? [`no store is configured; the first boot waits until ${paths.ossimConf} names one`] : []),
  ]
}

function ownerWarning(machine: Machine): string[] {
  const { host } = machine
  if (host.privileged || checkAccount(machine)) return []
  const { owner } = machine
  if (host.isOurs(owner)) return []
  return [`not running as root: files that should belong to ${owner.text} belong to us instead`]
}
