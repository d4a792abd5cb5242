/**
 * The logs of the original: frameworkd.log has all lines, frameworkd_error.log those of level error and above.
 * A log that cannot be opened or written never stops the daemon: its lines are dropped and counted, each
 * line is a new try, and the first one that succeeds reports how many were lost. With `--log -` there
 * are no files: all lines go to the console.
 */
import { messageOf } from '../../errors.ts'
import { AppendFile } from '../../host/files/append-file.ts'
import type { Host } from '../../host/host.ts'
import { errorLogOf } from '../../settings/values/log-files.ts'
import { formatJournalLine, formatLine, type Level, type LogEntry, type LogFormat, levels } from './lines.ts'

export interface LogOptions {
  /** The file for all lines; the one for errors is beside it. Undefined for the console alone. */
  path: string | undefined
  mode: number
  /** How many `-v` were given: each goes one step down from info. */
  verbosity: number
  format: LogFormat
  /** Absent for a daemon without a terminal. */
  console: { write(text: string): unknown } | undefined
  /** The console is systemd's journal. */
  journal: boolean
}

/** The two log files in one folder. */
interface LogFiles {
  all: AppendFile
  errors: AppendFile
}

export class Logs implements Disposable {
  readonly #host: Host
  readonly #options: LogOptions
  readonly #threshold: number
  #files: LogFiles | undefined

  constructor(host: Host, options: LogOptions) {
    this.#host = host
    this.#options = { ...options }
    this.#threshold = Math.max(0, levels.indexOf('info') - options.verbosity)
    this.#files = this.#filesAt(options.path, options.mode)
    this.#openEach('No log file')
  }

  /** How many lines were lost for the file of all lines. */
  get lost(): number {
    return this.#files?.all.lost ?? 0
  }

  debug(message: string): void {
    this.#write('debug', message)
  }

  info(message: string): void {
    this.#write('info', message)
  }

  warning(message: string): void {
    this.#write('warning', message)
  }

  error(message: string): void {
    this.#write('error', message)
  }

  /** Reopens the files, after a rotation. */
  reopen(): void {
    lookAtTimeZone()
    this.#openEach('The log was not reopened, the old file is kept')
  }

  /**
   * Changes the files or their mode. Where both stay the same nothing is opened: files that cannot be opened did not
   * stop the start, and do not stop a reload.
   * @throws KnownError when one cannot be opened; lines go where they went before
   */
  reconfigure(options: Partial<Pick<LogOptions, 'path' | 'mode'>>): void {
    const { path, mode } = { ...this.#options, ...options }
    if (path === this.#options.path && mode === this.#options.mode) return
    const files = this.#filesAt(path, mode)
    try {
      files?.all.open()
      files?.errors.open()
    } catch (error) {
      files?.all[Symbol.dispose]()
      throw error
    }
    this[Symbol.dispose]()
    this.#files = files
    Object.assign(this.#options, { path, mode })
  }

  [Symbol.dispose](): void {
    this.#files?.all[Symbol.dispose]()
    this.#files?.errors[Symbol.dispose]()
  }

  #filesAt(path: string | undefined, mode: number): LogFiles | undefined {
    return path === undefined ? undefined : { all: this.#file(path, mode), errors: this.#file(errorLogOf(path), mode) }
  }

  #file(path: string, mode: number): AppendFile {
    const { format } = this.#options
    return new AppendFile(this.#host.files, path, mode, (lost) => formatLine(format, lossEntry(lost)))
  }

  #openEach(failure: string): void {
    for (const file of Object.values(this.#files ?? {})) {
      try {
        file.open()
      } catch (error) {
        this.warning(`${failure}: ${messageOf(error)}`)
      }
    }
  }

  #write(level: Level, message: string): void {
    if (levels.indexOf(level) < this.#threshold) return
    const { format, console: consoleLines, journal } = this.#options
    const entry = { level, message, time: new Date() }
    const line = formatLine(format, entry)
    this.#files?.all.append(line)
    if (levels.indexOf(level) >= levels.indexOf('error')) this.#files?.errors.append(line)
    consoleLines?.write(journal ? formatJournalLine(format, entry) : line)
  }
}

/** V8 caches the time zone, and reads it again only when variable TZ changes (tzset(3)). */
function lookAtTimeZone(): void {
  const { TZ: zone } = process.env
  process.env.TZ = 'UTC'
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
}

function lossEntry(lost: number): LogEntry {
  return { level: 'warning', message: `${lost} log lines were lost`, time: new Date() }
}
