import type { StoreKind } from '../../support/sandbox.ts'
import { Scene, type StartingState } from './scene.ts'
import { type Call, traceCalls } from './strace.ts'

/** The system calls of an undisturbed run from a state, by default those that change something. */
export async function callsOfRun(kind: StoreKind, state: StartingState, trace = traceCalls): Promise<Call[]> {
  await using scene = await Scene.create(kind, state)
  return await trace(scene.command, scene.sandbox.root)
}
