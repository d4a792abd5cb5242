import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Lock } from '../host/processes/lock.ts'
import { paths } from '../paths.ts'
import type { Machine } from './machine.ts'
import { lockForWork } from './run-mark.ts'
import { findFailures } from './tasks/preflight.ts'

/**
 * Keeps a second run away from this machine. Where preflight will fail nothing is locked, since
 * nothing will be changed.
 * @throws KnownError `busy` while another run holds it
 */
export function lockSetup(machine: Machine): Lock | undefined {
  return findFailures(machine).length > 0 ? undefined : lockForChange(machine.host)
}

/**
 * The same for a verb that changes something, and asks nothing of the machine but its lock.
 * @throws KnownError `busy` while another run holds it
 */
export function lockForChange(host: Host): Lock {
  host.files.makeFolder(paths.setupState, { mode: 0o755 })
  const lock = lockForWork(host)
  if (lock) return lock
  const hint = 'wait for it to end, then run again'
  throw new KnownError('busy', 'another run of frameworkd-setup is at work here', hint)
}
