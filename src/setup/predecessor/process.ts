/** The original at work on this machine: found, proven and stopped. */
import { basename } from 'node:path'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { endProcess } from '../../host/processes/end-process.ts'
import { identifyProcess, type ProcessIdentity, readArguments } from '../../host/processes/process-identity.ts'
import { orderLimitMs } from '../../host/services/service-manager.ts'
import { parseProperties, showArguments } from '../../host/services/systemctl.ts'
import { paths, services } from '../../paths.ts'
import type { Machine } from '../machine.ts'

const name = services.predecessor
const unit = `${name}.service`
/** How long it may take to end; it is known to need SIGKILL. */
const limitMs = 10_000

/**
 * Its process, by its pidfile, which may outlive it: whose the pid is now, its command line tells. A link is ours.
 */
export function findPredecessorProcess(host: Host): ProcessIdentity | undefined {
  if (!host.isLive || host.isInChroot || !host.files.stat(paths.oldPidfile)?.isFile()) return undefined
  const text = host.files.read(paths.oldPidfile)?.bytes.toString('latin1') ?? ''
  const pid = Number(/^[1-9]\d{0,9}\n?$/.exec(text)?.[0] ?? 0)
  return pid > 0 && isPredecessor(readArguments(pid)) ? identifyProcess(pid) : undefined
}

/** What it really runs, in the folder that row `frameworkd_dir` names in OSSIM's own tables. */
const mainFile = '/usr/share/ossim-framework/ossimframework/Framework.py'

/** Behind these an interpreter takes no script but a text, or a module; `-W` and `-X` of Python only say how. */
const textOption = /^(-(?![WX])[^-]*[ceEmM]|--.)/

/**
 * Whether a command line is the original's: its program, or the script of an interpreter, has the name. Who edits,
 * calls or only names its files has not.
 */
export function isPredecessor([program = '', ...words]: readonly string[]): boolean {
  const isInterpreter = /^(python|pypy|sh|bash|dash|perl)[\d.]*$/.test(basename(program))
  const at = words.findIndex((word) => !word.startsWith('-'))
  const isScript = at !== -1 && !words.slice(0, at).some((word) => textOption.test(word))
  const file = isInterpreter ? (isScript ? words[at] : undefined) : program
  if (file === undefined || !/^\/\S+$/.test(file) || file.startsWith('/etc/')) return false
  return file === mainFile || /^ossim-framework(\.py|d)?$/.test(basename(file))
}

/** Whether systemd takes the original's unit for up; a unit that is ours under that name is not it. */
export async function isUnitUp({ services: manager, systemd, initSystem }: Machine): Promise<boolean> {
  if (!manager || initSystem !== 'systemd') return false
  const { Id, ActiveState = '' } = parseProperties(await systemd.order(...showArguments(unit, ['Id', 'ActiveState'])))
  return Id === unit && ['active', 'reloading', 'activating', 'deactivating'].includes(ActiveState)
}

/**
 * Stops it as its own tools do, and by signals where they do not.
 * @param isScriptTheirs its init script is still the original's
 * @throws KnownError `task-failed` when it runs all the same
 */
export async function stopPredecessor(machine: Machine, isScriptTheirs: boolean): Promise<void> {
  const { host, signal } = machine
  if (await isUnitUp(machine)) await machine.systemd.stop(name)
  if (isScriptTheirs && findPredecessorProcess(host))
    await host.commands.run(paths.oldInitScript, ['stop'], orderLimitMs, signal)
  const process = findPredecessorProcess(host)
  const isMeant = () => process !== undefined && isPredecessor(readArguments(process.pid))
  if (process && !(await endProcess(process, isMeant, limitMs, signal))) {
    const hint = `look at it with: ps -fp ${process.pid}; end it, then run again`
    throw new KnownError('task-failed', `the original still runs, pid ${process.pid}`, hint)
  }
  // What it leaves behind names nobody.
  if (host.isLive && host.files.stat(paths.oldPidfile)?.isFile()) host.files.remove(paths.oldPidfile)
}
