import { after, test } from 'node:test'
import { messageOf } from '../../../src/errors.ts'
import type { StoreKind } from '../../support/sandbox.ts'
import { type Installed, installPrograms } from './installed.ts'
import { Scene, type StartingState, startingStates } from './scene.ts'
import { type Call, runWith, traceCalls } from './strace.ts'
import { isLong, sample, tell } from './tally.ts'

/** In the short version this many calls of each state stand for all. */
const shortSample = 1

/** Kills setup at the calls that change anything, from every state that leads to work, and looks. */
export function testKills(kind: StoreKind): void {
  const installed = installPrograms()
  let kills = 0
  for (const state of startingStates) {
    test(`${kind}, ${state.name}: killed anywhere, setup loses no key, and one more run converges`, async (t) => {
      const calls = await callsOf(kind, state, installed)
      const problems: string[] = []
      let killsHere = 0
      for (const call of isLong ? calls : sample(calls, shortSample)) {
        await killAt(call, kind, state, installed).then(
          (killed) => (killsHere += Number(killed)),
          (error: unknown) => problems.push(`at ${call.line}: ${messageOf(error)}`),
        )
      }
      kills += killsHere
      t.diagnostic(`${killsHere} kills`)
      if (problems.length > 0) throw new Error(problems.join('\n'))
    })
  }
  after(() => {
    installed[Symbol.dispose]()
    tell({ suite: 'kill sweep', tried: `SIGKILL at system calls of setup, ${kind}`, times: kills, lost: 0 })
  })
}

/** @returns whether the run got that far */
async function killAt(call: Call, kind: StoreKind, state: StartingState, installed: Installed): Promise<boolean> {
  await using scene = await Scene.create(kind, state, installed)
  const { code } = await runWith(scene.command, call, 'signal=SIGKILL')
  await scene.assertNothingLost()
  const again = await scene.run()
  if (again.code !== 0) throw new Error(again.stderr)
  await scene.assertConverged()
  return code === null
}

async function callsOf(kind: StoreKind, state: StartingState, installed: Installed): Promise<Call[]> {
  await using scene = await Scene.create(kind, state, installed)
  return await traceCalls(scene.command, scene.sandbox.root)
}
