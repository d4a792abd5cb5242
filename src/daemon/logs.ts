/**
 * The logs of the original: frameworkd.log has all, frameworkd_error.log errors and worse. A log
 * that cannot be opened or written is told on the console and never stops the daemon.
 */
import { messageOf } from '../errors.ts'
import { AppendFile } from '../host/append-file.ts'
import type { Host } from '../host/host.ts'

/** The ladder of `-v`, the most talkative first (OSSIM `Logger.py`). */
const levels = ['debug', 'info', 'warning', 'error', 'critical'] as const
type Level = (typeof levels)[number]

export interface LogOptions {
  /** The file for all lines; the one for errors is beside it, with `_error` before its ending. */
  path: string
  mode: number
  /** How many `-v` were given: each goes one step down from info. */
  verbosity: number
  console: NodeJS.WritableStream
}

export class Logs implements Disposable {
  readonly #threshold: number
  readonly #console: NodeJS.WritableStream
  readonly #all: AppendFile | undefined
  readonly #errors: AppendFile | undefined

  constructor(host: Host, { path, mode, verbosity, console }: LogOptions) {
    this.#threshold = Math.max(0, levels.indexOf('info') - verbosity)
    this.#console = console
    this.#all = this.#open(host, path, mode)
    this.#errors = this.#open(host, path.replace(/(\.[^./]*)?$/, '_error$1'), mode)
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

  /** Opens the files anew, after a rotation. */
  reopen(): void {
    for (const file of [this.#all, this.#errors]) {
      try {
        file?.reopen()
      } catch (error) {
        this.warning(`The log was not reopened, the old file is kept: ${messageOf(error)}`)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#all?.[Symbol.dispose]()
    this.#errors?.[Symbol.dispose]()
  }

  #open(host: Host, path: string, mode: number): AppendFile | undefined {
    try {
      return new AppendFile(host.files, path, mode)
    } catch (error) {
      this.#console.write(formatLine('warning', `No log file: ${messageOf(error)}`, new Date()))
      return undefined
    }
  }

  #write(level: Level, message: string): void {
    if (levels.indexOf(level) < this.#threshold) return
    const line = formatLine(level, message, new Date())
    const tellLoss = (dropped: number) => formatLine('warning', `${dropped} log lines were lost`, new Date())
    this.#all?.append(line, tellLoss)
    if (levels.indexOf(level) >= levels.indexOf('error')) this.#errors?.append(line, tellLoss)
    this.#console.write(line)
  }
}

/** `2026-11-22 13:54:39,471 Framework [INFO]: …`, local time; control characters cannot forge a line. */
function formatLine(level: Level, message: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
  const text = message.replace(/\p{Cc}/gu, (character) =>
    character === '\n' ? ' ' : `\\x${two(character.charCodeAt(0))}`,
  )
  return `${day} ${time},${String(now.getMilliseconds()).padStart(3, '0')} Framework [${level.toUpperCase()}]: ${text}\n`
}
