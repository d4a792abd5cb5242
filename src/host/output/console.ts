import { fstatSync } from 'node:fs'
import { Lines } from './lines.ts'
import { openAnew } from './open-anew.ts'

/**
 * Lines for whoever started us, on standard error. A reader that has stopped (a pager, a terminal
 * after Ctrl-S) or has gone never stops or ends us: what it does not take is dropped and counted.
 */
export interface Console {
  write(text: string): void
}

const standardError = 2

/**
 * @param tellLoss makes a line of the number of lines that were dropped
 */
export function openConsole(tellLoss: (lost: number) => string): Console {
  const lines = new Lines(tellLoss)
  lines.attach(openWithoutWaiting(standardError))
  return { write: (text) => lines.append(text) }
}

/**
 * Whether standard error is the journal's, as systemd.exec(5) says of `$JOURNAL_STREAM`: device and inode.
 * @param variable the value of `JOURNAL_STREAM`
 */
export function isJournal(variable: string | undefined): boolean {
  const { dev, ino } = fstatSync(standardError, { bigint: true })
  return variable === `${dev}:${ino}`
}

/** A socket is ours alone (systemd's journal): Node's stream sets that one. What may not be opened is used as it is. */
function openWithoutWaiting(descriptor: typeof standardError): number {
  const stats = fstatSync(descriptor)
  if (stats.isSocket()) return process.stderr.fd
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return descriptor
  return openAnew(descriptor) ?? descriptor
}
