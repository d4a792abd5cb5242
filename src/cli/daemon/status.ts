/** `frameworkd status`: for people, and with `--json` for programs; its exit codes are those of the LSB. */
import { type DaemonState, findDaemon } from '../../daemon/instance/find.ts'
import { listeningOn } from '../../daemon/listener/switchable-listener.ts'
import { messageOf } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import { reportError } from '../report-error.ts'
import type { DaemonRequest } from './request.ts'

/**
 * The LSB's codes are about the process: a daemon that waits for its database runs. After a 3 it would only be
 * started twice.
 */
const exitCodes = { running: 0, waiting: 0, dead: 1, stopped: 3, unknown: 4 } as const

/** The exit code with `--check` when the daemon runs and file and row no longer agree. */
const driftedCode = 1

/** Prints the status. @returns 0 runs or waits for its database, 1 dead with a pidfile, 3 stopped, 4 unknown */
export async function showDaemonStatus(request: DaemonRequest): Promise<number> {
  try {
    const state = findDaemon(request.host, request.pidfile)
    standardOutput.write(request.json ? `${JSON.stringify(documentOf(state))}\n` : textOf(state))
    const hasDrifted = state.kind === 'running' && state.note?.drift !== undefined
    return request.check && hasDrifted ? driftedCode : exitCodes[state.kind]
  } catch (error) {
    if (request.json) standardOutput.write(`${JSON.stringify(documentOfUnknown(error))}\n`)
    reportError('frameworkd', error)
    return exitCodes.unknown
  }
}

/** What `--json` has where it cannot be told. */
export function documentOfUnknown(error: unknown): object {
  return documentOf({ kind: 'unknown', why: messageOf(error) })
}

function documentOf(state: DaemonState) {
  if (state.kind === 'unknown') {
    const { why, pid } = state
    return { version: 1, state: state.kind, why, ...(pid !== undefined && { pid }) }
  }
  if (state.kind === 'waiting')
    return { version: 1, state: 'starting', pid: state.process.pid, waitsFor: state.waitsFor ?? null }
  if (state.kind !== 'running') return { version: 1, state: state.kind }
  const {
    process: { pid },
    note,
  } = state
  return {
    version: 1,
    state: note && !note.serves ? 'starting' : 'running',
    pid,
    ...(note && {
      daemonVersion: note.version,
      startedAt: note.startedAt,
      pidfile: note.pidfile,
      key: { fingerprint: note.keyFingerprint },
      listens: note.listens ?? null,
      drift: note.drift ?? null,
      reloads: { ended: note.reloads.ended, failure: note.reloads.failure ?? null },
    }),
  }
}

function textOf(state: DaemonState): string {
  if (state.kind === 'stopped') return 'frameworkd is not running\n'
  if (state.kind === 'dead') return `frameworkd is dead, and its pidfile ${state.pidfile} is still there\n`
  if (state.kind === 'unknown') return `it cannot be told whether frameworkd runs: ${state.why}\n`
  if (state.kind === 'waiting') {
    const waitsFor = state.waitsFor === undefined ? '' : `, waiting: ${state.waitsFor}`
    return `frameworkd is starting, pid ${state.process.pid}${waitsFor}\n`
  }
  const {
    process: { pid },
    note,
  } = state
  if (!note) return `frameworkd runs, pid ${pid}\n`
  const listens = note.listens ? `, ${listeningOn(note.listens)}` : ''
  const failure = note.reloads.failure === undefined ? '' : `the last reload changed nothing: ${note.reloads.failure}\n`
  const drift = note.drift === undefined ? '' : `file and row no longer agree: ${note.drift}\n`
  return `frameworkd ${note.serves ? 'runs' : 'is starting'}, pid ${pid}${listens}, since ${note.startedAt}\n${drift}${failure}`
}
