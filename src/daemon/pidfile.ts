import { KnownError, messageOf } from '../errors.ts'
import type { Account } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'
import type { Logs } from './logs.ts'

/**
 * The pidfile, for monit and scripts: the bare pid and a newline, whole by rename. Whether we run
 * is the lock's business, so a pidfile that cannot be written is a warning.
 */
export function writePidfile(host: Host, path: string, logs: Logs): Disposable {
  const bytes = Buffer.from(`${process.pid}\n`)
  try {
    host.files.write(path, bytes, { mode: 0o644 })
  } catch (error) {
    logs.warning(`No pidfile: ${messageOf(error)}`)
    return { [Symbol.dispose]() {} }
  }
  return { [Symbol.dispose]: () => removePidfile(host, path, bytes, logs) }
}

/**
 * Whoever names a pidfile has something that reads it, and it could be neither written nor removed in
 * a folder where our account may not. The usual place is ours.
 * @throws KnownError `configuration`
 */
export function requireWritablePidfile(host: Host, path: string, account: Account): void {
  const closed = host.files.closedFolder(path)
  if (!closed) return
  const message = `--pidfile: ${account.text} cannot write in ${closed.path}: ${closed.why}`
  throw new KnownError('configuration', message, 'name one in a folder of that account, or leave --pidfile out')
}

function removePidfile(host: Host, path: string, bytes: Buffer, logs: Logs): void {
  try {
    host.files.removeIfHolding(path, bytes)
  } catch (error) {
    logs.warning(`The pidfile was not removed: ${messageOf(error)}`)
  }
}

/**
 * Where the last start had its pidfile: the name for monit and old scripts is a link to it, which only
 * root makes. What the daemon itself says of it is not believed.
 */
export function usualPidfile(host: Host): string {
  const uid = host.files.stat(paths.oldPidfile)?.uid
  const target = uid === 0 || uid === process.geteuid?.() ? host.files.readLink(paths.oldPidfile) : undefined
  return target?.startsWith('/') ? target : paths.pidfile
}

/** The pid that a pidfile names; undefined when it names none that makes sense, or is no file that can be read. */
export function readPidfile(host: Host, path: string): number | undefined {
  try {
    const text = host.files.read(path)?.bytes.toString('latin1') ?? ''
    return /^[1-9]\d{0,9}\n?$/.test(text) ? Number(text) : undefined
  } catch (error) {
    if (error instanceof KnownError) return undefined
    throw error
  }
}
