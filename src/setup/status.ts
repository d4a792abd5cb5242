/** `frameworkd-setup status`: how the last run of setup ended, or what it is doing. */
import type { ResultDocument } from '../engine/report-json.ts'
import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { poll } from '../host/waiting.ts'
import { paths } from '../paths.ts'
import { setupCommand } from '../text/command-line.ts'
import { type RunMark, readRunMark } from './run-mark.ts'

export interface SetupStatus {
  /** `unknown`: this account cannot see whether a run is active. */
  state: 'none' | 'done' | 'unknown' | RunMark['state']
  /** For `unknown`: why this account cannot see it. */
  why?: string
  /** Of an active run, or of one that was killed. */
  pid?: number
  waitsFor?: string
  /** The document of the last run that ended. */
  result?: ResultDocument
}

const pollEveryMs = 500

/** Reads the status once. @throws KnownError where this account may not read it, or the result document is invalid */
export function readStatus(host: Host): SetupStatus {
  const mark = readMark(host)
  const result = readResult(host)
  const state = mark?.state ?? (result ? stateOf(result) : 'none')
  return { ...mark, state, ...(result && { result }) }
}

/** Only root can read the lock; everybody can read how the last run ended. */
function readMark(host: Host): RunMark | { state: 'unknown'; why: string } | undefined {
  try {
    return readRunMark(host)
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'preflight') throw error
    return { state: 'unknown', why: error.message }
  }
}

/** Polls the status until no run is active or waiting. */
export async function waitForStatus(host: Host, signal: AbortSignal): Promise<SetupStatus> {
  const readEnded = () => {
    const status = readStatus(host)
    return status.state !== 'running' && status.state !== 'waiting' && status
  }
  return await poll(readEnded, { everyMs: pollEveryMs, signal })
}

function stateOf(result: ResultDocument): 'done' | 'interrupted' {
  return ['interrupted', 'terminated'].includes(result.error?.code ?? '') ? 'interrupted' : 'done'
}

function readResult(host: Host): ResultDocument | undefined {
  const bytes = host.files.read(paths.setupResult)?.bytes
  if (!bytes) return undefined
  const found = parse(bytes.toString('utf8'))
  if (isResult(found)) return found
  throw new KnownError(
    'task-failed',
    `${paths.setupResult} is not a result`,
    `run it again: ${setupCommand(host.tree.root)}`,
  )
}

function parse(text: string): Partial<ResultDocument> | undefined {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** In an image, or after an accident, the file may hold anything: the fields that are used are checked. */
function isResult(found: Partial<ResultDocument> | null | undefined): found is ResultDocument {
  const { outcome, endedAt, warnings, key, error } = found ?? {}
  const texts = [outcome, endedAt, ...Object.values(key ?? {}), ...Object.values(error ?? {}), ...listOf(warnings)]
  const isShaped = Array.isArray(warnings) && texts.every((text) => typeof text === 'string')
  const isKey = key === undefined || (key && 'fingerprint' in key && 'source' in key)
  const isError = error === undefined || (error && 'code' in error && 'message' in error && 'hint' in error)
  return isShaped && Boolean(isKey && isError)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
