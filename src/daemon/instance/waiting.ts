import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { Lock } from '../../host/processes/locks/lock.ts'
import { identifyOurselves } from '../../host/processes/process-identity.ts'
import { printable } from '../../text/printable.ts'
import { lockWaiting } from './lock.ts'
import { maxFailureLength, type WaitingNote } from './note.ts'

/**
 * Makes a daemon that waits for its database visible to the other verbs. It takes the instance lock only
 * when it may serve. Until then it holds the waiting lock, with a note of what it waits for; by that lock it is
 * found and stopped, and not started twice. A daemon that need not wait never takes the waiting lock.
 */
export class WaitingRecord implements Disposable {
  readonly #host: Host
  readonly #stop: AbortSignal
  #lock: Lock | undefined

  constructor(host: Host, stop: AbortSignal) {
    this.#host = host
    this.#stop = stop
  }

  /**
   * @param waitsFor undefined where that is not known yet
   * @throws KnownError `already-running` beside a daemon that waits or serves
   */
  async update(waitsFor: string | undefined): Promise<void> {
    this.#lock ??= await lockWaiting(this.#host, this.#stop)
    const shown = waitsFor && printable(waitsFor.replace(/\s+/g, ' ')).slice(0, maxFailureLength)
    const note: WaitingNote = { process: identifyOurselves(), waitsFor: shown }
    try {
      this.#lock?.note(JSON.stringify(note))
    } catch (error) {
      // On a full disk the note is missing, but the lock still shows the daemon.
      if (!(error instanceof KnownError)) throw error
    }
  }

  /** Ends the wait: gives the lock back. */
  [Symbol.dispose](): void {
    this.#lock?.[Symbol.dispose]()
    this.#lock = undefined
  }
}
