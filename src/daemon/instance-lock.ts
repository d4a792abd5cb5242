import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { acquireLock, type Lock } from '../host/lock.ts'
import { paths } from '../paths.ts'
import { readPidfile } from './pidfile.ts'

/** One daemon a machine. @throws KnownError `already-running`, naming who runs */
export function lockInstance(host: Host, pidfile: string): Lock {
  const lock = acquireLock(host.tree, paths.instanceLock)
  if (lock) return lock
  const pid = readRunningPid(host, pidfile)
  const who = pid === undefined ? 'frameworkd is already running' : `frameworkd is already running, pid ${pid}`
  throw new KnownError(
    'already-running',
    who,
    pid === undefined ? 'look for it: pgrep -a frameworkd' : `stop it first: kill ${pid}`,
  )
}

function readRunningPid(host: Host, pidfile: string): number | undefined {
  try {
    return readPidfile(host, pidfile)
  } catch {
    return undefined
  }
}
