import { KnownError, messageOf } from '../../errors.ts'
import type { Account } from '../../host/accounts.ts'
import type { Host } from '../../host/host.ts'
import { paths } from '../../paths.ts'
import type { Logs } from '../logs/logs.ts'

/**
 * The pidfile, for monit and scripts: the bare pid and a newline, written whole by rename, and removed on dispose.
 * The lock proves that we run, not the pidfile, so one that cannot be written is only a warning.
 */
export class Pidfile implements Disposable {
  readonly #host: Host
  readonly #path: string
  readonly #logs: Logs
  readonly #bytes = Buffer.from(`${process.pid}\n`)

  constructor(host: Host, path: string, logs: Logs) {
    this.#host = host
    this.#path = path
    this.#logs = logs
    this.#write()
  }

  /** Writes it again where somebody has removed it, or put another pid there. */
  putBack(): void {
    if (readPidfile(this.#host, this.#path) === process.pid) return
    this.#write()
  }

  [Symbol.dispose](): void {
    try {
      this.#host.files.removeIfHolding(this.#path, this.#bytes)
    } catch (error) {
      this.#logs.warning(`The pidfile was not removed: ${messageOf(error)}`)
    }
  }

  #write(): void {
    try {
      this.#host.files.write(this.#path, this.#bytes, { mode: 0o644 })
    } catch (error) {
      this.#logs.warning(`No pidfile: ${messageOf(error)}`)
    }
  }
}

/**
 * Checks the pidfile that `--pidfile` names: some program reads it, and in a folder where our account may not write
 * it could be neither written nor removed. The default path needs no check, since its folder is ours.
 * @throws KnownError `configuration`
 */
export function requireWritablePidfile(host: Host, path: string, account: Account): void {
  const closed = host.files.closedFolder(path)
  if (!closed) return
  const message = `--pidfile: ${account.text} cannot write in ${closed.path}: ${closed.why}`
  throw new KnownError('configuration', message, 'name one in a folder of that account, or leave --pidfile out')
}

/** Removes the pidfile of a daemon that was killed, whatever its content. @throws KnownError as Files.remove */
export function clearPidfile(host: Host, path: string): void {
  const text = readPidfile(host, path)
  // Removed only while it still holds this pid: another daemon may write its own at this moment.
  if (text === undefined) host.files.remove(path)
  else for (const end of ['\n', '']) host.files.removeIfHolding(path, Buffer.from(`${text}${end}`))
}

/**
 * Where the last start had its pidfile. The name for monit and old scripts is a link to it, which only
 * root makes. The path in the daemon's own note is not trusted.
 */
export function usualPidfile(host: Host): string {
  const uid = host.files.stat(paths.oldPidfile)?.uid
  const target = uid === 0 || uid === process.geteuid?.() ? host.files.readLink(paths.oldPidfile) : undefined
  return target?.startsWith('/') ? target : paths.pidfile
}

/** The pid in a pidfile; undefined when its content is no pid, or the file cannot be read. */
export function readPidfile(host: Host, path: string): number | undefined {
  try {
    const text = host.files.read(path)?.bytes.toString('latin1') ?? ''
    return /^[1-9]\d{0,9}\n?$/.test(text) ? Number(text) : undefined
  } catch (error) {
    if (error instanceof KnownError) return undefined
    throw error
  }
}
