import { constants, fstatSync, openSync } from 'node:fs'
import { Lines } from './lines.ts'

/**
 * Lines for whoever started us, on standard error. A reader that has stopped (a pager, a terminal
 * after Ctrl-S) or has gone never stops or ends us: what it does not take is dropped and counted.
 */
export interface Console {
  write(text: string): void
}

/**
 * @param stream standard error: where it is a pipe or socket, Node has set it to be non-blocking
 * @param tellLoss makes a line of the number of lines that were dropped
 */
export function openConsole(stream: typeof process.stderr, tellLoss: (lost: number) => string): Console {
  const lines = new Lines(tellLoss)
  lines.attach(stream.isTTY ? openTerminal(stream.fd) : stream.fd)
  return { write: (text) => lines.append(text) }
}

/**
 * Whether a descriptor is the journal's, as systemd.exec(5) says of `$JOURNAL_STREAM`: device and inode.
 * @param variable the value of `JOURNAL_STREAM`
 */
export function isJournal(descriptor: number, variable: string | undefined): boolean {
  const { dev, ino } = fstatSync(descriptor, { bigint: true })
  return variable === `${dev}:${ino}`
}

/** A terminal opened anew, so that not waiting for it is our own business; what may not be opened is used as it is. */
function openTerminal(descriptor: number): number {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return descriptor
  }
}
