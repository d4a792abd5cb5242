import { KnownError } from '../../errors.ts'
import { paths, programFolders, programs } from '../../paths.ts'
import type { Machine, SetupTask } from '../machine.ts'
import type { PreflightName } from '../preflight-name.ts'

/** One thing that would make the run fail later, found before anything is changed. */
export interface Failure {
  name: PreflightName
  message: string
  hint: string
}

/** All checks run, all failures are told together, by name; those that are to be ignored are warnings. */
export const preflight: SetupTask = {
  name: 'preflight',
  title: 'Check what the run needs',
  tags: ['always'],
  async plan(_settings, machine) {
    const failures = findFailures(machine)
    if (failures.length > 0) throw explain(failures)
    const ignored = runChecks(machine).map(({ name, message }) => `${name}: ${message} (ignored)`)
    const warnings = [...ignored, ...ownerWarning(machine)]
    return { outcome: 'ok', summary: 'Linux, rights, account, places to write', warnings }
  },
}

/** The failures that end the run: those that were not to be ignored. */
export function findFailures(machine: Machine): Failure[] {
  return runChecks(machine).filter(({ name }) => !machine.request.ignoredPreflight.includes(name))
}

/** Every check, on its own: none depends on another's success. */
function runChecks(machine: Machine): Failure[] {
  const checks = [checkLinux, checkRights, checkAccount, checkWritable, checkPredecessor]
  return checks.map((check) => check(machine)).filter((failure) => failure !== undefined)
}

/** One failure as itself, several as a list; a list of one is no list. */
export function explain(failures: readonly Failure[]): KnownError {
  const [first] = failures
  if (failures.length === 1 && first) return new KnownError('preflight', `${first.name}: ${first.message}`, first.hint)
  const lines = failures.map(({ name, message, hint }) => `${name}: ${message} (${hint})`)
  return new KnownError(
    'preflight',
    `${failures.length} checks failed\n  ${lines.join('\n  ')}`,
    'mend what is named, then run again',
  )
}

/** Descriptors are walked through /proc, and locks are flock(1)'s. */
function checkLinux({ host }: Machine): Failure | undefined {
  const name = 'linux'
  if (process.platform !== 'linux') return { name, message: `this is ${process.platform}`, hint: 'run it on Linux' }
  if (!host.hasProc()) return { name, message: '/proc is not mounted', hint: 'mount it: mount -t proc proc /proc' }
  if (!host.hasOwnProgram(programs.lock)) {
    return {
      name,
      message: `${programs.lock} is not in ${programFolders.join(', ')}`,
      hint: 'install the package util-linux',
    }
  }
  return undefined
}

function checkRights({ host }: Machine): Failure | undefined {
  if (host.privileged || !host.isLive) return undefined
  return {
    name: 'rights',
    message: 'this machine can only be set up by root',
    hint: 'run it with sudo, or on a tree with --root DIR',
  }
}

function checkAccount(machine: Machine): Failure | undefined {
  try {
    void machine.owner
    return undefined
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return { name: 'account', message: error.message, hint: error.hint }
  }
}

/** State is written in every run, files of /etc only where they are missing: a converged /etc may be read-only. */
function checkWritable({ host, settings }: Machine): Failure | undefined {
  const wanted = [`${paths.setupState}/`]
  if (!host.files.stat(paths.keyFile) && settings.keyFile === paths.keyFile) wanted.push(paths.keyFile)
  const closed = wanted.map((path) => host.files.closedFolder(path)).filter((one) => one !== undefined)
  if (closed.length === 0) return undefined
  const { path, why } = closed[0] ?? { path: '', why: '' }
  return {
    name: 'writable',
    message: `${path} cannot be written: ${why}`,
    hint: 'mount it read-write, or run as its owner',
  }
}

/** The original's daemon, if enabled, would serve beside ours and overwrite keys. */
function checkPredecessor({ host }: Machine): Failure | undefined {
  const enabled = ['2', '3', '4', '5'].some((level) =>
    host.files.list(`/etc/rc${level}.d`).some((name) => /^S\d\dossim-framework$/.test(name)),
  )
  if (!enabled) return undefined
  return {
    name: 'predecessor',
    message: 'the service ossim-framework is still enabled',
    hint: 'disable it: systemctl disable --now ossim-framework',
  }
}

function ownerWarning(machine: Machine): string[] {
  const { host } = machine
  if (host.privileged || checkAccount(machine)) return []
  const { owner } = machine
  if (host.isOurs(owner)) return []
  return [`not running as root: files that should belong to ${owner.text} belong to us instead`]
}
