import { testKills } from './support/kill-sweep.ts'

testKills('sqlite')
