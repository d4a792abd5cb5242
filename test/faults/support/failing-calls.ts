import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageOf } from '../../../src/errors.ts'
import { byExtent, type Extent, sample } from '../../support/extent.ts'
import type { StoreKind } from '../../support/sandbox.ts'
import { callsOfRun } from './calls-of-run.ts'
import { Scene, type StartingState, startingStates } from './scene.ts'
import { type Call, type Needs, needsStrace, runWith, traceFileCalls } from './strace.ts'
import { startTally } from './tally.ts'

const codes = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EMFILE', 'EINTR']
/** Done all the same, a task failed, the store cannot be opened, preflight, read-only. */
const allowedExits = [0, 1, 2, 4, 75]

/** What is made to fail. */
interface Sweep {
  states: readonly StartingState[]
  /** For people. */
  command: string
  needs: Needs
  /** Which calls of a run. */
  trace: typeof traceFileCalls
  /** How many of them, in each state; each fails with one of the codes in turn. */
  count: Readonly<Record<Extent, number>>
}

const sweepOfSetup: Sweep = {
  states: startingStates,
  command: 'setup',
  needs: needsStrace,
  trace: traceFileCalls,
  count: { long: 70, all: 3, sample: 2 },
}

/** Makes system calls of a command of setup fail, and looks that it says so and that nothing is lost. */
export function testFailingCalls(kind: StoreKind, sweep: Partial<Sweep> = {}): void {
  const { states, command, needs, trace, count } = { ...sweepOfSetup, ...sweep }
  const tally = startTally('failing calls')
  const typical = states.filter(({ isTypical }) => isTypical)
  for (const [index, state] of byExtent({
    long: typical,
    all: sample(typical, 2),
    sample: sample(typical, 1),
  }).entries()) {
    test(
      `${kind}, ${state.name}: when a system call fails, ${command} says so, loses nothing and converges later`,
      needs,
      async (t) => {
        const calls = sample(await callsOfRun(kind, state, trace), byExtent(count))
        const problems: string[] = []
        for (const [place, call] of calls.entries()) {
          const code = codes[(place + index) % codes.length] as string
          await failAt(call, code, kind, state).catch((error: unknown) =>
            problems.push(`${code} at ${call.line}: ${messageOf(error)}`),
          )
        }
        tally.add(`${codes.join(', ')} from file work of ${command}, ${kind}`, calls.length)
        t.diagnostic(`${calls.length} failures`)
        if (problems.length > 0) throw new Error(problems.join('\n'))
      },
    )
  }
}

async function failAt(call: Call, code: string, kind: StoreKind, state: StartingState) {
  await using scene = await Scene.create(kind, state)
  const failed = await runWith(scene.command, call, `error=${code}`)
  // Reads and writes are not the same ones in every run: Node aborts when its own wake-ups fail, as no disk does.
  const hitNode = failed.code === null && ['read', 'write'].includes(call.name)
  assert.ok(hitNode || allowedExits.includes(failed.code ?? -1), `exit ${failed.code}: ${failed.stderr}`)
  if (failed.code !== 0 && !hitNode) assert.match(failed.stderr, /\nhint: /)
  await scene.assertRecovers()
}
