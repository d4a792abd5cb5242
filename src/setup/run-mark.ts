/**
 * The marks by which `status` sees a run: a run that holds the setup lock has its note in the lock file; a run that
 * waits for the database, which it does without the lock, in a file of its own. A mark whose process has ended
 * shows that the run was killed.
 */
import { KnownError, messageOf } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { acquireLock, type Lock, readLockNote } from '../host/processes/locks/lock.ts'
import {
  identifyOurselves,
  isAlive,
  type ProcessIdentity,
  parseProcessIdentity,
} from '../host/processes/process-identity.ts'
import { paths } from '../paths.ts'
import { foreignText } from '../text/printable.ts'

/** What is known of a run that has not ended by itself. */
export interface RunMark {
  state: 'running' | 'waiting' | 'interrupted'
  pid: number
  /** Of a waiting run: what is wrong, in one line. */
  waitsFor?: string
}

interface Note {
  process: ProcessIdentity
  waitsFor?: string
}

/**
 * Takes the setup lock, and notes in it that we are running.
 * @returns undefined while another run holds it
 */
export function lockForWork(host: Host): Lock | undefined {
  const lock = acquireLock(host.tree, paths.setupLock)
  try {
    if (lock) markRunning(host, lock)
    return lock
  } catch (error) {
    lock?.[Symbol.dispose]()
    throw error
  }
}

/** Notes in the lock that we are running, and removes what a killed run left behind. */
function markRunning(host: Host, lock: Lock): void {
  lock.note(JSON.stringify({ process: identifyOurselves() } satisfies Note))
  host.files.removeLeftovers(paths.setupState)
  const waiting = readNote(host, paths.setupWaiting)
  if (waiting && !isAlive(waiting.process)) host.files.remove(paths.setupWaiting)
}

/** A file that says what we wait for; it is removed on dispose. */
export class WaitingMark implements Disposable {
  #written: { host: Host; note: Buffer } | undefined

  /** Writes the file; it is no error where that fails. */
  say(host: Host, waitsFor: string): void {
    const note = Buffer.from(JSON.stringify({ process: identifyOurselves(), waitsFor } satisfies Note))
    if (this.#written?.note.equals(note)) return
    try {
      host.files.makeFolder(paths.setupState, { mode: 0o755 })
      host.files.write(paths.setupWaiting, note, { mode: 0o644 })
      this.#written = { host, note }
    } catch (error) {
      if (!(error instanceof KnownError)) throw error
    }
  }

  [Symbol.dispose](): void {
    if (this.#written) this.#written.host.files.removeIfHolding(paths.setupWaiting, this.#written.note)
  }
}

/**
 * The mark of a run that has not ended by itself; undefined when there is none.
 * @throws KnownError `preflight` where this account may not read the lock
 */
export function readRunMark(host: Host): RunMark | undefined {
  const [lock, waiting] = [readNote(host, paths.setupLock), readNote(host, paths.setupWaiting)]
  if (lock && isAlive(lock.process)) return { state: 'running', pid: lock.process.pid }
  if (waiting && isAlive(waiting.process)) {
    return {
      state: 'waiting',
      pid: waiting.process.pid,
      ...(waiting.waitsFor !== undefined && { waitsFor: foreignText(waiting.waitsFor) }),
    }
  }
  const dead = lock ?? waiting
  return dead && { state: 'interrupted', pid: dead.process.pid }
}

function readNote(host: Host, path: string): Note | undefined {
  try {
    const text = readLockNote(host.files, path)
    return text === '' ? undefined : checkNote(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if (!(error instanceof KnownError) || host.privileged) throw error
    throw new KnownError('preflight', messageOf(error), 'run it as root', { cause: error })
  }
}

/** In an image, or after an accident, the file may hold anything: a note without the right form is ignored. */
function checkNote(value: Partial<Note> | null): Note | undefined {
  const { process: holder, waitsFor } = value ?? {}
  const identity = parseProcessIdentity(holder)
  if (!identity || (waitsFor !== undefined && typeof waitsFor !== 'string')) return undefined
  return { process: identity, ...(waitsFor !== undefined && { waitsFor }) }
}
