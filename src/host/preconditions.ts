/**
 * What every verb needs, checked before anything is read: without it, things that exist would look as if they
 * were missing. All failures are reported at once, by name, with exit code 4.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { KnownError } from '../errors.ts'
import { whyItFailed } from './explain-failure.ts'
import { Host } from './host.ts'
import { missingPrivileges } from './processes/rights/privileges.ts'

/** One thing that would make a run fail later. */
export interface Failure<Name extends string = string> {
  name: Name
  message: string
  hint: string
}

/**
 * The machine that a verb is about.
 * @param root `--root`; undefined for the running machine
 * @throws KnownError `preflight`
 */
export function openHost(root = '/'): Host {
  const failures = [checkLinux(), checkWorkingFolder(), checkRoot(root)].filter((one) => one !== undefined)
  if (failures.length > 0) throw explainFailures(failures)
  return new Host(root)
}

/**
 * Called by a verb that changes what only root may change.
 * @param what completes "only root may … this machine"
 * @throws KnownError `preflight`
 */
export function requireRights(host: Host, what: string): void {
  const failure = checkRights(host, what)
  if (failure) throw explainFailures([failure])
}

export function checkRights(host: Host, what: string): Failure<'rights'> | undefined {
  if (host.privileged || !host.isLive) return undefined
  const lacking = process.geteuid?.() === 0 ? missingPrivileges() : []
  return {
    name: 'rights',
    message: `only root may ${what} this machine${lacking.length > 0 ? `, and here root lacks ${lacking.join(', ')}` : ''}`,
    hint: 'run it as root (sudo), where root has all rights (not in a container without them), or on a tree with --root DIR',
  }
}

/** One error for all failures: a single one is its message, several become a list. */
export function explainFailures(failures: readonly Failure[]): KnownError {
  const [first] = failures
  if (failures.length === 1 && first) return new KnownError('preflight', `${first.name}: ${first.message}`, first.hint)
  const lines = failures.map(({ name, message, hint }) => `${name}: ${message} (${hint})`)
  return new KnownError(
    'preflight',
    `${failures.length} checks failed\n  ${lines.join('\n  ')}`,
    'mend what is named, then run again',
  )
}

/** Linux with /proc is needed: folders are walked through the descriptors in /proc (tree.ts). */
function checkLinux(): Failure | undefined {
  const name = 'linux'
  if (process.platform !== 'linux') return { name, message: `this is ${process.platform}`, hint: 'run it on Linux' }
  if (existsSync('/proc/self/fd')) return undefined
  return { name, message: '/proc is not mounted', hint: 'mount it: mount -t proc proc /proc' }
}

/** The working folder must exist: programs that we start inherit it. */
function checkWorkingFolder(): Failure | undefined {
  try {
    process.cwd()
    return undefined
  } catch {
    return { name: 'working-folder', message: 'it was removed', hint: 'change to one that is there: cd /' }
  }
}

function checkRoot(root: string): Failure | undefined {
  const failure = (why: string) => ({
    name: 'root',
    message: `${root} cannot be entered: ${why}`,
    hint: 'name an existing folder that you may enter with --root',
  })
  try {
    if (!statSync(root).isDirectory()) return failure('it is not a folder')
    accessSync(root, constants.X_OK)
    return undefined
  } catch (error) {
    return failure(whyItFailed(error) ?? 'unknown error')
  }
}
