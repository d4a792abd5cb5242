/** Import and export of a sealed key, each of whose calls that change a file fails once. */
import { storeKinds } from '../../support/sandbox.ts'
import { testFailingCalls } from '../support/failing-calls.ts'
import { traceFileChanges } from '../support/strace.ts'
import { exportState, importStates, needsAgeAndStrace } from './states.ts'

const count = { sample: 1, all: 4, long: Number.POSITIVE_INFINITY }
const common = { needs: needsAgeAndStrace, trace: traceFileChanges, count }

for (const kind of storeKinds) {
  testFailingCalls(kind, { ...common, states: importStates, command: 'key import' })
  testFailingCalls(kind, { ...common, states: [exportState], command: 'key export' })
}
