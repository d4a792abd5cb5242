/** Import and export of a sealed key, beside a server that fails at each of their statements. */
import { needsAge } from '../../support/age.ts'
import { testFailingDatabase } from '../support/failing-database.ts'
import { exportState, importStates } from './states.ts'

testFailingDatabase({ states: importStates, command: 'key import', needs: needsAge, ways: 3 })
testFailingDatabase({ states: [exportState], command: 'key export', needs: needsAge, ways: 1 })
