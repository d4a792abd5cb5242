/** Finds the original's process on this machine, proves that it is the original, and stops it. */
import { basename } from 'node:path'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { endProcess } from '../../host/processes/end-process.ts'
import { identifyProcess, type ProcessIdentity, readArguments } from '../../host/processes/process-identity.ts'
import { commandLimitMs } from '../../host/services/service-manager.ts'
import { parseProperties, showArguments } from '../../host/services/systemctl.ts'
import { paths, services } from '../../paths.ts'
import type { Machine } from '../machine.ts'

const name = services.predecessor
const unit = `${name}.service`
/** How long it may take to end, in milliseconds; it is known to need SIGKILL. */
const limitMs = 10_000

/**
 * The original's process, by its pidfile. The pidfile may be stale, so the command line of the process has to prove it.
 * A pidfile that is a link is ours.
 */
export function findPredecessorProcess(host: Host): ProcessIdentity | undefined {
  if (!host.isLive || host.isInChroot || !host.files.stat(paths.oldPidfile)?.isFile()) return undefined
  const text = host.files.read(paths.oldPidfile)?.bytes.toString('latin1') ?? ''
  const pid = Number(/^[1-9]\d{0,9}\n?$/.exec(text)?.[0] ?? 0)
  return pid > 0 && isPredecessor(readArguments(pid)) ? identifyProcess(pid) : undefined
}

/** The script that the original really runs, in the folder that row `frameworkd_dir` of OSSIM's tables names. */
const mainFile = '/usr/share/ossim-framework/ossimframework/Framework.py'

/**
 * After these options an interpreter runs no script, but a text or a module. `-W` and `-X` of Python also take a
 * value, but a script still follows.
 */
const textOption = /^(-(?![WX])[^-]*[ceEmM]|--.)/

/**
 * Whether a command line is the original's: its program, or the script that an interpreter runs, has the name. A
 * process that edits its files or only names them is not the original.
 */
export function isPredecessor([program = '', ...words]: readonly string[]): boolean {
  const isInterpreter = /^(python|pypy|sh|bash|dash|perl)[\d.]*$/.test(basename(program))
  const at = words.findIndex((word) => !word.startsWith('-'))
  const isScript = at !== -1 && !words.slice(0, at).some((word) => textOption.test(word))
  const file = isInterpreter ? (isScript ? words[at] : undefined) : program
  if (file === undefined || !/^\/\S+$/.test(file) || file.startsWith('/etc/')) return false
  return file === mainFile || /^ossim-framework(\.py|d)?$/.test(basename(file))
}

/** Whether the original's unit is up. Our own unit may have that name as an alias, and does not count. */
export async function isUnitUp({ services: manager, systemd, initSystem }: Machine): Promise<boolean> {
  if (!manager || initSystem !== 'systemd') return false
  const { Id, ActiveState = '' } = parseProperties(
    await systemd.systemctl(...showArguments(unit, ['Id', 'ActiveState'])),
  )
  return Id === unit && ['active', 'reloading', 'activating', 'deactivating'].includes(ActiveState)
}

/**
 * Stops the original by systemd or its init script, and by signals where these fail.
 * @param isScriptTheirs the init script is still the original's
 * @throws KnownError `task-failed` when it still runs after that
 */
export async function stopPredecessor(machine: Machine, isScriptTheirs: boolean): Promise<void> {
  const { host, signal } = machine
  if (await isUnitUp(machine)) await machine.systemd.stop(name)
  if (isScriptTheirs && findPredecessorProcess(host))
    await host.commands.run(paths.oldInitScript, ['stop'], commandLimitMs, signal)
  const original = findPredecessorProcess(host)
  const isMeant = () => original !== undefined && isPredecessor(readArguments(original.pid))
  if (original && !(await endProcess(original, isMeant, limitMs, signal))) {
    const hint = `look at it with: ps -fp ${original.pid}; end it, then run again`
    throw new KnownError('task-failed', `the original still runs, pid ${original.pid}`, hint)
  }
  // The pidfile that it leaves behind is stale.
  if (host.isLive && host.files.stat(paths.oldPidfile)?.isFile()) host.files.remove(paths.oldPidfile)
}
