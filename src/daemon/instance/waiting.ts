import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { Lock } from '../../host/processes/lock.ts'
import { identifyOurselves } from '../../host/processes/process-identity.ts'
import { printable } from '../../text/printable.ts'
import { lockWaiting } from './lock.ts'
import { mostFailureLetters, type WaitingNote } from './note.ts'

/**
 * A daemon that waits for its database, as the other verbs see it. It has the lock of the instance only
 * once it may serve; until then it holds another, with what it waits for in it, and is found, ended and
 * not started twice because of that. One that need not wait never takes it.
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
    const shown = waitsFor && printable(waitsFor.replace(/\s+/g, ' ')).slice(0, mostFailureLetters)
    const note: WaitingNote = { process: identifyOurselves(), waitsFor: shown }
    try {
      this.#lock?.note(JSON.stringify(note))
    } catch (error) {
      // On a full disk it is seen all the same, without what it waits for.
      if (!(error instanceof KnownError)) throw error
    }
  }

  /** The wait is over, however it ended. */
  [Symbol.dispose](): void {
    this.#lock?.[Symbol.dispose]()
    this.#lock = undefined
  }
}
