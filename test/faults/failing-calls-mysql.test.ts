import { testFailingCalls } from './support/failing-calls.ts'

testFailingCalls('mysql')
