import { KnownError } from '../../errors.ts'
import { paths, programFolders, programs } from '../../paths.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** One thing that would make the run fail later, found before anything is changed. */
interface Failure {
  name: 'linux' | 'rights' | 'account' | 'writable' | 'predecessor'
  message: string
  hint: string
}

/** All checks run, all failures are told together, by name. */
export const preflight: SetupTask = {
  name: 'preflight',
  title: 'Check what the run needs',
  tags: ['always'],
  async plan(_settings, machine) {
    const failures = findFailures(machine)
    if (failures.length > 0) throw explain(failures)
    return { outcome: 'ok', summary: 'Linux, rights, account, places to write', warnings: ownerWarning(machine) }
  },
}

/** Every check, on its own: none depends on another's success. */
export function findFailures(machine: Machine): Failure[] {
  const checks = [checkLinux, checkRights, checkAccount, checkWritable, checkPredecessor]
  return checks.map((check) => check(machine)).filter((failure) => failure !== undefined)
}

function explain(failures: readonly Failure[]): KnownError {
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

function ownerWarning({ host, owner }: Machine): string[] {
  if (host.privileged || host.isOurs(owner)) return []
  return [`not running as root: files that should belong to ${owner.text} belong to us instead`]
}
