import { KnownError } from '../errors.ts'
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
  if (findFailures(machine).length > 0) return undefined
  machine.host.files.makeFolder(paths.setupState, { mode: 0o755 })
  const lock = lockForWork(machine.host)
  if (lock) return lock
  const hint = 'wait for it to end, then run again'
  throw new KnownError('busy', 'another run of frameworkd-setup is at work here', hint)
}
