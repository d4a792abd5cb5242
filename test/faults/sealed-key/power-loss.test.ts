/** Import and export of a sealed key on a machine whose power is cut. */
import { storeKinds } from '../../support/sandbox.ts'
import { testPowerCuts } from '../support/power-cut.ts'
import { exportState, importStates, needsAgeAndStrace } from './states.ts'

for (const kind of storeKinds) {
  testPowerCuts(kind, importStates, 'key import', needsAgeAndStrace)
  testPowerCuts(kind, [exportState], 'key export', needsAgeAndStrace)
}
