import { test } from 'node:test'
import { byExtent, sample } from '../../support/extent.ts'
import type { StoreKind } from '../../support/sandbox.ts'
import { callsOfRun } from './calls-of-run.ts'
import { noDevice, onDevice } from './device.ts'
import { Scene, type StartingState, startingStates } from './scene.ts'
import { type Call, type Needs, needsStrace, runWith } from './strace.ts'
import { startTally } from './tally.ts'

const typical = startingStates.filter(({ isTypical }) => isTypical)

/**
 * Cuts the power before the syncs of a command of setup, on a file system of its own, and looks at what the device
 * holds then.
 * @param command for people
 */
export function testPowerCuts(
  kind: StoreKind,
  states: readonly StartingState[] = typical,
  command = 'setup',
  needs: Needs = needsStrace,
): void {
  const tally = startTally('power loss')
  test(`${kind}: a power cut before any sync of ${command} loses no key, and one more run converges`, {
    skip: needs.skip || noDevice,
  }, async () => {
    for (const state of byExtent({ long: states, all: sample(states, 2), sample: sample(states, 1) })) {
      const syncs = (await callsOfRun(kind, state)).filter(({ name }) => name === 'fsync' || name === 'fdatasync')
      for (const call of byExtent({ long: syncs, all: sample(syncs, 3), sample: sample(syncs, 2) })) {
        await cutAt(call, kind, state).catch((error: unknown) => {
          throw new Error(`${state.name}: power cut before ${call.line}`, { cause: error })
        })
        tally.add(`power cut before a sync of ${command}, on a file system image`, 1)
      }
    }
  })
}

function cutAt(call: Call, kind: StoreKind, state: StartingState): Promise<void> {
  return onDevice(async (device) => {
    await using scene = await Scene.create(kind, state)
    device.sync()
    await runWith(scene.command, call, 'signal=SIGKILL')
    device.cutPower()
    await scene.assertRecovers()
  })
}
