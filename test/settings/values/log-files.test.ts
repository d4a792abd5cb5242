import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorLogOf, logFileOf, logFolderOf, logNames } from '../../../src/settings/values/log-files.ts'

test('the logs have the names of the original, in the folder of the setting, however that ends', () => {
  assert.deepEqual(logNames, ['frameworkd.log', 'frameworkd_error.log'])
  for (const logDir of ['/var/log/ossim', '/var/log/ossim/', '/var/log/ossim//']) {
    assert.equal(logFolderOf({ logDir }), '/var/log/ossim')
    assert.equal(logFileOf({ logDir }), '/var/log/ossim/frameworkd.log')
  }
})

test('the log for errors stands beside the other, whatever that is called', () => {
  assert.equal(errorLogOf('/srv/a.b/its'), '/srv/a.b/its_error')
  assert.equal(errorLogOf('/srv/its.own.log'), '/srv/its.own_error.log')
})
