import type { Place } from '../instance/note.ts'
import type { Limits } from './limits.ts'

export interface ListenerCounts {
  connections: number
  /** Since the start. */
  accepted: number
  refused: number
  commands: number
  heldBytes: number
}

/** What `status` tells: the daemon's facts, and how the listener is. */
export interface StatusReport {
  /** Facts of the daemon stand beside these. */
  [fact: string]: unknown
  listener: Place & { counts: ListenerCounts; limits: Limits }
  /** Addresses that the access list has; null while it is unknown or nobody needs it. */
  sensors: number | null
  /** Lines that did not get into the log. */
  lostLogLines: number
}
