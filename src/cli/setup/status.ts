/** `frameworkd-setup status`: for people, and with `--output json` for programs. */

import { standardOutput } from '../../host/output/output.ts'
import { openHost } from '../../host/preconditions.ts'
import type { SetupStatus } from '../../setup/status.ts'
import { listenForInterrupts } from '../interrupts.ts'
import type { SetupFlags } from './request.ts'

const exitCodes = { done: 0, failed: 1, none: 3, unknown: 4, busy: 75 } as const

/** Prints the status. @returns 0 done, 1 failed, 3 never ran, 4 it cannot be seen whether one runs, 75 running or waiting */
export async function showStatus(flags: SetupFlags): Promise<number> {
  const { readStatus, waitForStatus } = await import('../../setup/status.ts')
  const host = openHost(flags.text('root'))
  const signal = listenForInterrupts()
  const status = flags.isSet('wait') ? await waitForStatus(host, signal) : readStatus(host)
  standardOutput.write(flags.choice('output') === 'json' ? `${JSON.stringify(documentOf(status))}\n` : textOf(status))
  return exitCodeOf(status)
}

function exitCodeOf({ state, result }: SetupStatus): number {
  if (state === 'none' || state === 'unknown') return exitCodes[state]
  if (state === 'running' || state === 'waiting') return exitCodes.busy
  return state === 'done' && result?.outcome !== 'failed' ? exitCodes.done : exitCodes.failed
}

/** The result document with the state; without the rest where no run has ended yet. */
function documentOf({ result, ...status }: SetupStatus) {
  return { version: 1, ...result, ...status }
}

function textOf({ state, why, pid, waitsFor, result }: SetupStatus): string {
  const rows: [string, string | undefined][] = [
    ['state', pid === undefined ? state : `${state}, pid ${pid}`],
    ['why', why && `it cannot be seen whether a run is at work: ${why}; run it as root`],
    ['waits for', waitsFor],
    ['last run', result && `${result.outcome}, ended ${result.endedAt}`],
    ['key', result?.key && `${result.key.fingerprint}, from ${result.key.source}`],
    ['error', result?.error?.message],
    ['hint', result?.error?.hint],
    ...(result?.warnings ?? []).map((warning): [string, string] => ['warning', warning]),
  ]
  const shown = rows.filter((row) => row[1] !== undefined)
  return shown
    .map(([name, text = '']) => `${name.padEnd(9)}  ${text.replaceAll('\n', `\n${' '.repeat(11)}`)}\n`)
    .join('')
}
