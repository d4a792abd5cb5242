/** Rows of table `config` and the defaults of settings are one fact, which src/settings/definitions.ts has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionOf, settingNames } from '../../src/settings/definitions.ts'
import { Sandbox, storeKinds } from '../support/sandbox.ts'

/** The rows that OSSIM's own installation makes, and their values there. */
const rowsOfOssim: Readonly<Record<string, string>> = {
  frameworkd_keyfile: '/etc/ossim/framework/db_encryption_key',
  frameworkd_address: '127.0.0.1',
  frameworkd_port: '40003',
  frameworkd_listener: '1',
  frameworkd_log_dir: '/var/log/ossim/',
}

for (const kind of storeKinds) {
  test(`${kind}: the rows that --create-schema makes are OSSIM's, each with the default of its setting`, async () => {
    await using sandbox = await Sandbox.create(kind, { table: false })
    const { code, stderr } = await sandbox.setup(['--create-schema'])
    assert.equal(code, 0, stderr)
    const rows = (await sandbox.sql('SELECT conf, value FROM config')).map(([name, value]) => [name, String(value)])
    const { encryption_key: key, ...made }: Record<string, string> = Object.fromEntries(rows)
    assert.match(key ?? '', /^[\dA-F-]{36}$/)
    assert.deepEqual(made, rowsOfOssim)
    for (const name of settingNames) {
      const { row, fallback, isRowOptional } = definitionOf(name)
      if (row !== undefined) assert.equal(made[row], isRowOptional ? undefined : fallback, name)
    }
  })
}
