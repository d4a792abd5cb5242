/**
 * The note that a daemon leaves of itself. Its account may be taken over, so what a note says is data:
 * each field is of the type and the pattern that it should have, or there is no note.
 */

import { type ProcessIdentity, parseProcessIdentity } from '../../host/processes/process-identity.ts'
import { unprintable } from '../../text/printable.ts'

export interface InstanceNote {
  process: ProcessIdentity
  version: string
  /** ISO 8601 */
  startedAt: string
  /** For people only: nothing is ever done with a file because a note names it. */
  pidfile: string
  keyFingerprint: string
  /** The start is over. */
  serves: boolean
  /** Where it listens; undefined while it does not. */
  listens?: Place | undefined
  /** Why file and row no longer agree; undefined while they do. */
  drift?: string | undefined
  reloads: ReloadNote
}

/** Loopback is always served besides. */
export interface Place {
  address: string
  port: number
  /** An address that was asked for and that this machine does not have. */
  waitsFor?: string
}

/** What a daemon says of itself that does not serve yet. */
export interface WaitingNote {
  process: ProcessIdentity
  /** Undefined while the first answer takes long. */
  waitsFor?: string | undefined
}

/** Letters of why a reload failed, file and row do not agree, or a start waits. */
export const mostFailureLetters = 2000

interface ReloadNote {
  /** How many have ended. */
  ended: number
  /** One is at work. */
  running: boolean
  /** Why the last one changed nothing; undefined when it worked. */
  failure?: string | undefined
}

/** @returns undefined for what no daemon has written */
export function parseInstanceNote(value: unknown): InstanceNote | undefined {
  const { process, version, startedAt, pidfile, keyFingerprint, serves, listens, drift, reloads } = fieldsOf(value)
  const identity = parseProcessIdentity(process)
  const place = listens === undefined ? undefined : parsePlace(listens)
  const reloaded = parseReloads(reloads)
  const isWhole =
    identity &&
    reloaded &&
    (listens === undefined || place) &&
    (drift === undefined || isPlainText(drift, mostFailureLetters)) &&
    matches(version, /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][\w.+-]{1,64})?$/) &&
    matches(startedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) &&
    isPlainText(pidfile, 4096) &&
    matches(pidfile, /^\/.*[^/]$/) &&
    matches(keyFingerprint, /^[\da-f]{8}$/) &&
    typeof serves === 'boolean'
  if (!isWhole) return undefined
  return {
    process: identity,
    version,
    startedAt,
    pidfile,
    keyFingerprint,
    serves,
    listens: place,
    drift,
    reloads: reloaded,
  }
}

/** @returns undefined for what no daemon has written */
export function parseWaitingNote(value: unknown): WaitingNote | undefined {
  const { process, waitsFor } = fieldsOf(value)
  const identity = parseProcessIdentity(process)
  if (!identity || (waitsFor !== undefined && !isPlainText(waitsFor, mostFailureLetters))) return undefined
  return { process: identity, waitsFor }
}

/** @returns undefined for what is no IP address and port */
export function parsePlace(value: unknown): Place | undefined {
  const { address, port, waitsFor } = fieldsOf(value)
  const isPlace =
    matches(address, /^[\da-f:.]{2,45}(?:%[\w.-]{1,20})?$/i) &&
    isCount(port) &&
    port <= 65_535 &&
    (waitsFor === undefined || matches(waitsFor, /^[\w.:%-]{1,255}$/))
  return isPlace ? { address, port, ...(waitsFor !== undefined && { waitsFor }) } : undefined
}

function parseReloads(value: unknown): ReloadNote | undefined {
  const { ended, running, failure } = fieldsOf(value)
  if (!isCount(ended) || typeof running !== 'boolean') return undefined
  return failure === undefined || isPlainText(failure, mostFailureLetters) ? { ended, running, failure } : undefined
}

/** The fields of an object; of anything else there are none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

/** Without controls, and without what changes the order of letters or breaks lines. */
function isPlainText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most && !unprintable.test(value)
}
