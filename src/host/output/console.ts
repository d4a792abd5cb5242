import { fstatSync } from 'node:fs'
import { LineWriter } from './line-writer.ts'
import { openAnew } from './open-anew.ts'

/**
 * Lines on standard error, for the person or program that started us. A reader that has stopped (a pager, a terminal
 * after Ctrl-S) or has gone never blocks or ends us: lines that it does not take are dropped and counted.
 */
export interface Console {
  write(text: string): void
}

const standardError = 2

/**
 * @param tellLoss makes a line of the number of lines that were dropped
 */
export function openConsole(tellLoss: (lost: number) => string): Console {
  const lines = new LineWriter(tellLoss)
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

/**
 * A descriptor for standard error that does not block. A socket (systemd's journal) is ours alone, and Node's stream
 * makes it non-blocking. A pipe or terminal that we may not open again is used as it is.
 */
function openWithoutWaiting(descriptor: typeof standardError): number {
  const stats = fstatSync(descriptor)
  if (stats.isSocket()) return process.stderr.fd
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return descriptor
  return openAnew(descriptor) ?? descriptor
}
