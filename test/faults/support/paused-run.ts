/** A run of setup that stands still right behind one of its system calls, while somebody else is at work. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, ended } from '../../support/programs.ts'
import { until } from '../../support/until.ts'
import { start } from './start.ts'
import type { Call } from './strace.ts'

/**
 * @param meanwhile is done while the run stands still
 * @returns how the run ended, and whether it got that far
 */
export async function runPausedAt(
  command: readonly string[],
  call: Call,
  meanwhile: () => Promise<void>,
): Promise<Ended & { isPaused: boolean }> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-pause-'))
  try {
    const log = join(folder, 'log')
    const inject = `inject=${call.name}:signal=SIGSTOP:when=${call.occurrence}`
    const child = start(['strace', '-o', log, '-e', `trace=${call.name}`, '-e', inject, ...command])
    let isOver = false
    const ending = ended(child).finally(() => (isOver = true))
    await until(() => isOver || /stopped by SIGSTOP/.test(readIfThere(log)))
    const isPaused = !isOver
    if (isPaused) {
      await meanwhile()
      process.kill(onlyChildOf(child.pid ?? 0), 'SIGCONT')
    }
    return { ...(await ending), isPaused }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function onlyChildOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')
  assert.equal(children.length, 1)
  return Number(children[0])
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
