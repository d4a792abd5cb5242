import { test } from 'node:test'
import { messageOf } from '../../../src/errors.ts'
import { byExtent, sample } from '../../support/extent.ts'
import type { StoreKind } from '../../support/sandbox.ts'
import { callsOfRun } from './calls-of-run.ts'
import { Scene, type StartingState, startingStates } from './scene.ts'
import { type Call, type Needs, needsStrace, runWith } from './strace.ts'
import { startTally } from './tally.ts'

/** Of a state that stands for itself alone, this many calls stand for all. */
const untypicalSample = 12

/**
 * Kills a command of setup at the calls that change anything, from every state that leads to work, and looks.
 * @param command for people
 */
export function testKills(
  kind: StoreKind,
  states = startingStates,
  command = 'setup',
  needs: Needs = needsStrace,
): void {
  const tally = startTally('kill sweep')
  const typical = states.filter(({ isTypical }) => isTypical)
  for (const state of byExtent({ long: states, all: sample(typical, 3), sample: sample(typical, 2) })) {
    test(
      `${kind}, ${state.name}: killed anywhere, ${command} loses no key, and one more run converges`,
      needs,
      async (t) => {
        const calls = await callsOfRun(kind, state)
        const problems: string[] = []
        let killsHere = 0
        const count = byExtent({ long: state.isTypical ? calls.length : untypicalSample, all: 4, sample: 2 })
        for (const call of sample(calls, count)) {
          await killAt(call, kind, state).then(
            (killed) => (killsHere += Number(killed)),
            (error: unknown) => problems.push(`at ${call.line}: ${messageOf(error)}`),
          )
        }
        tally.add(`SIGKILL at system calls of ${command}, ${kind}`, killsHere)
        t.diagnostic(`${killsHere} kills`)
        if (problems.length > 0) throw new Error(problems.join('\n'))
      },
    )
  }
}

/** @returns whether the run got that far */
async function killAt(call: Call, kind: StoreKind, state: StartingState): Promise<boolean> {
  await using scene = await Scene.create(kind, state)
  const { code } = await runWith(scene.command, call, 'signal=SIGKILL')
  await scene.assertRecovers()
  return code === null
}
