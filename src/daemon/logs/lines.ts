/** Turns a log entry into one line; control characters in a message cannot forge a second one. */

import { printable } from '../../text/printable.ts'

/** The log levels, the most verbose first (OSSIM `Logger.py`), with the priorities of syslog(3). */
const priorities = { debug: 7, info: 6, warning: 4, error: 3, critical: 2 } as const

export type Level = keyof typeof priorities
export const levels = Object.keys(priorities) as Level[]
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export interface LogEntry {
  level: Level
  message: string
  time: Date
}

/** A line for files and terminals, with the time. */
export function formatLine(format: LogFormat, entry: LogEntry): string {
  return format === 'json' ? jsonLine(entry) : `${localTime(entry.time)} ${textLine(entry)}`
}

/** A line for the journal, which adds the time itself and reads the priority from a prefix (sd-daemon(3)). */
export function formatJournalLine(format: LogFormat, entry: LogEntry): string {
  return `<${priorities[entry.level]}>${format === 'json' ? jsonLine(entry) : textLine(entry)}`
}

/** `Framework [INFO]: …` */
function textLine({ level, message }: LogEntry): string {
  return `Framework [${level.toUpperCase()}]: ${printable(message.replace(/[\n\t]/g, ' '))}\n`
}

function jsonLine({ level, message, time }: LogEntry): string {
  return `${printable(JSON.stringify({ time: time.toISOString(), level, message }))}\n`
}

/** `2026-11-22 13:54:39,471`, local time. */
function localTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return `${day} ${clock},${String(time.getMilliseconds()).padStart(3, '0')}`
}
