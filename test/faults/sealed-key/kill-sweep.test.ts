/** Import and export of a sealed key, killed at the calls that change anything. */
import { storeKinds } from '../../support/sandbox.ts'
import { testKills } from '../support/kill-sweep.ts'
import { exportState, importStates, needsAgeAndStrace } from './states.ts'

for (const kind of storeKinds) {
  testKills(kind, importStates, 'key import', needsAgeAndStrace)
  testKills(kind, [exportState], 'key export', needsAgeAndStrace)
}
