/**
 * The note of the running daemon in the lock file, for the verbs that look for it. Only the
 * owner and root can read it, and it proves nothing: the kernel tells who holds the lock.
 */
import { KnownError, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { type Lock, readLockNote } from '../../host/processes/locks/lock.ts'
import { paths } from '../../paths.ts'
import type { Logs } from '../logs/logs.ts'
import { type InstanceNote, parseInstanceNote, parseWaitingNote, type WaitingNote } from './note.ts'

/** Writes our note into the lock that we hold. A failure is logged, and stops nothing. */
export class InstanceRecord {
  readonly #lock: Lock
  readonly #logs: Logs
  #note: InstanceNote

  constructor(lock: Lock, logs: Logs, note: InstanceNote) {
    this.#lock = lock
    this.#logs = logs
    this.#note = note
    this.update({})
  }

  get note(): Readonly<InstanceNote> {
    return this.#note
  }

  update(changes: Partial<InstanceNote>): void {
    this.#note = { ...this.#note, ...changes }
    try {
      this.#lock.note(JSON.stringify(this.#note))
    } catch (error) {
      this.#logs.warning(`The lock file does not tell who runs: ${messageOf(error)}`)
    }
  }
}

/** The note of the last holder of the instance lock; undefined where we find none that we may read and understand. */
export function readInstanceNote(host: Host): InstanceNote | undefined {
  return readNote(host, paths.instanceLock, parseInstanceNote)
}

/** The same for the last holder of the waiting lock. */
export function readWaitingNote(host: Host): WaitingNote | undefined {
  return readNote(host, paths.waitingLock, parseWaitingNote)
}

function readNote<Note>(host: Host, path: string, parse: (value: unknown) => Note): Note | undefined {
  try {
    const text = readLockNote(host.files, path)
    return text === '' ? undefined : parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof KnownError || error instanceof SyntaxError) return undefined
    throw error
  }
}
