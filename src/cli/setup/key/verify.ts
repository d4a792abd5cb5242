/** `frameworkd-setup key verify`: whether a sealed key is the key of this installation. Changes nothing. */
import type { Task } from '../../../engine/task.ts'
import { originOf } from '../../../key/key-file.ts'
import { compareSealedKey, type Side } from '../../../key/sealed-key-decision.ts'
import { inspectKey, type KeyInspection } from '../../../keycheck/inspect.ts'
import { describeProof, rowIn } from '../../../keycheck/refusal.ts'
import { explainComparison } from '../../../keycheck/sealed-refusal.ts'
import type { Machine } from '../../../setup/machine.ts'
import { setupCommand } from '../../../text/command-line.ts'
import { listenForInterrupts } from '../../interrupts.ts'
import { readShow, type SetupFlags } from '../request.ts'
import { concludeRun, runAndReport } from '../run-and-report.ts'
import { type GivenKey, openGivenKey, openMachine } from './sealed.ts'

/** @returns the exit code */
export async function verifySealedKey(flags: SetupFlags): Promise<number> {
  const signal = listenForInterrupts()
  const show = readShow(flags, 'key verify')
  await using machine = openMachine(flags, { check: true, only: 'verify a key of', watch: show.slow.watch }, signal)
  const task = makeCompareTask(await openGivenKey({ flags, show, signal }))
  const options = { check: false, signal }
  return concludeRun(await runAndReport([task], machine, options, show), show)
}

function makeCompareTask(opened: GivenKey): Task<Machine> {
  const { key, place, exportedAt } = opened
  return {
    name: 'sealed-key',
    title: 'Compare the sealed key',
    tags: ['key'],
    async plan(machine) {
      const settings = await machine.settingsWithRows()
      const seen = await inspectKey(settings, machine.host, await machine.store(), [key])
      const comparison = compareSealedKey(key, seen.file, seen.row, seen.proof)
      const problem = explainComparison(comparison, opened, seen)
      if (problem) throw problem
      const made = exportedAt === undefined ? '' : `, exported ${exportedAt}`
      return {
        outcome: 'ok',
        summary: `${place} holds key ${key.fingerprint} of this machine${made}; ${describeProof(key, seen.proof)}`,
        facts: { key: { fingerprint: key.fingerprint, source: seen.found ? originOf(seen.found.bytes) : 'file' } },
        warnings: comparison.kind === 'same' ? comparison.missing.map((side) => describeMissingSide(side, seen)) : [],
      }
    },
  }
}

function describeMissingSide(side: Side, seen: KeyInspection): string {
  const place = side === 'file' ? seen.path : rowIn(seen)
  return `${place} does not hold a key; run ${setupCommand(seen.root)}`
}
