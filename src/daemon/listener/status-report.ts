import type { ListenEndpoint } from '../instance/note.ts'
import type { Limits } from './limits.ts'

export interface ListenerCounts {
  connections: number
  /** Since the start. */
  accepted: number
  refused: number
  commands: number
  heldBytes: number
}

/** The answer to `status`: the daemon's facts, and the state of the listener. */
export interface StatusReport {
  /** Facts of the daemon stand beside these. */
  [fact: string]: unknown
  listener: ListenEndpoint & { counts: ListenerCounts; limits: Limits }
  /** The number of addresses on the access list; null while it is unknown or not needed. */
  sensors: number | null
  /** Lines that did not get into the log. */
  lostLogLines: number
}
