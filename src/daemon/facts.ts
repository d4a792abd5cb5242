import type { InstanceNote } from './instance/note.ts'

/** The daemon's part of the answer to command `status`. Nothing in it is secret. */
type DaemonFacts = {
  pid: number
  version: string
  /** ISO 8601 */
  startedAt: string
  /** The first 8 hex digits of the SHA-256 of the key. */
  keyFingerprint: string
  /** How often the settings were read again. */
  reloads: number
  /** Why file and row no longer agree. */
  drift?: string
  /** Why the last reload failed and changed nothing. */
  reloadFailure?: string
}

export function factsOf({
  process: { pid },
  version,
  startedAt,
  keyFingerprint,
  drift,
  reloads,
}: InstanceNote): DaemonFacts {
  return {
    pid,
    version,
    startedAt,
    keyFingerprint,
    reloads: reloads.ended,
    ...(drift !== undefined && { drift }),
    ...(reloads.failure !== undefined && { reloadFailure: reloads.failure }),
  }
}
