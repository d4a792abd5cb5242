import { testDecisionTable } from '../support/decision-table.ts'

testDecisionTable('sqlite')
