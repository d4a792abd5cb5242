/**
 * The note that a daemon writes about itself. An attacker may have taken over its account, so a note is not
 * trusted: each field must have its type and its pattern, else the whole note is ignored.
 */

import { type ProcessIdentity, parseProcessIdentity } from '../../host/processes/process-identity.ts'
import { unprintable } from '../../text/printable.ts'

export interface InstanceNote {
  process: ProcessIdentity
  version: string
  /** ISO 8601 */
  startedAt: string
  /** For people only: no file is ever touched because a note names it. */
  pidfile: string
  keyFingerprint: string
  /** The start has ended, and it serves. */
  serves: boolean
  /** Where it listens; undefined while it does not. */
  listens?: ListenEndpoint | undefined
  /** Why file and row no longer agree; undefined while they do. */
  drift?: string | undefined
  reloads: ReloadNote
}

/** Where the daemon listens, besides loopback. */
export interface ListenEndpoint {
  address: string
  port: number
  /** An address that was asked for and that this machine does not have. */
  waitsFor?: string
}

/** The note of a daemon that waits for its database. */
export interface WaitingNote {
  process: ProcessIdentity
  /** Undefined while the first answer takes long. */
  waitsFor?: string | undefined
}

/** The longest text, in characters, that says why a reload failed, file and row do not agree, or a start waits. */
export const maxFailureLength = 2000

interface ReloadNote {
  /** How many have ended. */
  ended: number
  /** A reload is running. */
  running: boolean
  /** Why the last one failed and changed nothing; undefined when it succeeded. */
  failure?: string | undefined
}

/** @returns undefined for what no daemon has written */
export function parseInstanceNote(value: unknown): InstanceNote | undefined {
  const {
    process: holder,
    version,
    startedAt,
    pidfile,
    keyFingerprint,
    serves,
    listens,
    drift,
    reloads,
  } = fieldsOf(value)
  const identity = parseProcessIdentity(holder)
  const endpoint = listens === undefined ? undefined : parseEndpoint(listens)
  const reloaded = parseReloads(reloads)
  const isWhole =
    identity &&
    reloaded &&
    (listens === undefined || endpoint) &&
    (drift === undefined || isPlainText(drift, maxFailureLength)) &&
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
    listens: endpoint,
    drift,
    reloads: reloaded,
  }
}

/** @returns undefined for what no daemon has written */
export function parseWaitingNote(value: unknown): WaitingNote | undefined {
  const { process: holder, waitsFor } = fieldsOf(value)
  const identity = parseProcessIdentity(holder)
  if (!identity || (waitsFor !== undefined && !isPlainText(waitsFor, maxFailureLength))) return undefined
  return { process: identity, waitsFor }
}

/** @returns undefined for what is no IP address and port */
export function parseEndpoint(value: unknown): ListenEndpoint | undefined {
  const { address, port, waitsFor } = fieldsOf(value)
  const isEndpoint =
    matches(address, /^[\da-f:.]{2,45}(?:%[\w.-]{1,20})?$/i) &&
    isCount(port) &&
    port <= 65_535 &&
    (waitsFor === undefined || matches(waitsFor, /^[\w.:%-]{1,255}$/))
  return isEndpoint ? { address, port, ...(waitsFor !== undefined && { waitsFor }) } : undefined
}

function parseReloads(value: unknown): ReloadNote | undefined {
  const { ended, running, failure } = fieldsOf(value)
  if (!isCount(ended) || typeof running !== 'boolean') return undefined
  return failure === undefined || isPlainText(failure, maxFailureLength) ? { ended, running, failure } : undefined
}

/** The fields of an object; no fields for any other value. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

/** A text without control characters, and without those that change the order of letters or break lines. */
function isPlainText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most && !unprintable.test(value)
}
