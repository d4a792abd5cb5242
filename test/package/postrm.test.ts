/** The package's own script has no way to ask the program for its paths; that it names them is held here. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { paths, services } from '../../src/paths.ts'
import { logNames } from '../../src/settings/values/log-files.ts'

const words = readFileSync(new URL('../../packaging/postrm', import.meta.url), 'utf8').split(/[\s;=]+/)

test('a purge takes the logs, the settings, the state and every file that setup writes for a service', () => {
  const logs = logNames.map((name) => `${paths.logs}/${name}*`)
  const written = [paths.tmpfiles, paths.logrotate, paths.monit, paths.initScript, paths.settings]
  const units = [services.daemon, services.firstBoot].flatMap((service) => [
    `${paths.units}/${service}.service`,
    `${paths.units}/${service}.service.d/frameworkd-setup.conf`,
    `${paths.wantedByBoot}/${service}.service`,
  ])
  const state = [
    paths.machineMark,
    paths.setupState,
    paths.storeFolder,
    paths.keyFile,
    paths.state,
    paths.settingsFolder,
  ]
  const original = [paths.oldInitScript, `${paths.units}/${services.predecessor}.service`]
  for (const path of [...logs, ...written, ...units, ...state, ...original, paths.movedAside])
    assert.ok(words.includes(path), path)
})
