/** Units say no more than the systemd that reads them understands. */
import assert from 'node:assert/strict'
import { globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Host } from '../../../src/host/host.ts'
import { findSystemdVersion } from '../../../src/host/services/systemd-version.ts'
import {
  firstVersionOf,
  firstVersions,
  withoutUnknownDirectives,
} from '../../../src/setup/service/systemd-directives.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { installInit } from '../../support/services.ts'

const project = fileURLToPath(new URL('../../..', import.meta.url))
const templates = globSync('templates/*.service', { cwd: project }).map((name) => readFileSync(project + name, 'utf8'))
const directives = templates.flatMap((text) => text.split('\n').filter((line) => /^\w+=/.test(line)))

test('of each directive of the templates it is on record which systemd brought it, and of no other', () => {
  assert.deepEqual(
    directives.filter((line) => firstVersionOf(line) === undefined),
    [],
  )
  const used = new Set(directives.flatMap((line) => [line, line.replace(/=.*/, '')]))
  assert.deepEqual(
    Object.keys(firstVersions).filter((name) => !used.has(name)),
    [],
  )
})

test('a unit for the systemd of Debian 11 has every line, one for that of Debian 9 none that it takes for something else', () => {
  for (const text of templates) assert.equal(withoutUnknownDirectives(247, text), text)
  const kept = templates.map((text) => withoutUnknownDirectives(232, text)).join('\n')
  assert.doesNotMatch(
    kept,
    /^(SystemCallFilter|RuntimeDirectory\w*|Type=oneshot|Protect(Proc|Clock|Hostname)|KeyringMode)\b/m,
  )
  assert.match(kept, /^Type=notify\n/m)
  assert.match(kept, /^ProtectSystem=strict\n/m)
  assert.match(kept, /^ReadWritePaths=.* -\/run\/frameworkd$/m)
})

for (const { name, libraries, version } of [
  { name: 'Debian 9', libraries: ['lib/systemd/libsystemd-shared-232.so'], version: 232 },
  { name: 'Debian 13', libraries: ['usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so'], version: 257 },
  { name: 'Fedora', libraries: ['usr/lib/systemd/libsystemd-shared-255.10-1.fc40.so'], version: 255 },
  {
    name: 'an upgrade that is not done',
    libraries: ['usr/lib/systemd/libsystemd-shared-252.so', 'usr/lib/systemd/libsystemd-shared-247.so'],
    version: 247,
  },
  { name: 'a machine without systemd', libraries: ['lib/x86_64-linux-gnu/libc.so.6'], version: undefined },
]) {
  test(`the version of systemd is seen in a tree: ${name}`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    mkdirSync(sandbox.path('/usr/lib'), { recursive: true })
    if (name === 'Fedora') symlinkSync('usr/lib', sandbox.path('/lib'))
    for (const library of libraries) sandbox.write(`/${library}`, '')
    assert.equal(findSystemdVersion(new Host(sandbox.root)), version)
  })
}

test('apply writes units for the systemd of the tree, and again when that is another one', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'systemd')
  const library = '/lib/systemd/libsystemd-shared-232.so'
  sandbox.write(library, '')
  assert.equal((await sandbox.setup()).code, 0)
  const units = () => ['', '-first-boot'].map((name) => sandbox.read(`/etc/systemd/system/frameworkd${name}.service`))
  assert.doesNotMatch(units().join(), /^(SystemCallFilter|RuntimeDirectory|Type=oneshot)/m)
  assert.match((await sandbox.setup()).stdout, /changed=0 /)
  writeFileSync(sandbox.path('/lib/systemd/libsystemd-shared-247.so'), '')
  assert.match((await sandbox.setup()).stdout, /changed=0 /)
  rmSync(sandbox.path(library))
  assert.match((await sandbox.setup()).stdout, /changed=2 /)
  for (const unit of units()) assert.match(unit, /^SystemCallFilter=@system-service$/m)
})

test('nothing that is written to a machine runs a program of procps, which may be missing', () => {
  const files = [...globSync('templates/*', { cwd: project }), ...globSync('packaging/p*', { cwd: project })]
  const orders = files.flatMap((name) => readFileSync(project + name, 'utf8').match(/^[^#\n].*/gm) ?? [])
  assert.deepEqual(
    orders.filter((line) => /\/kill\b|\b(pgrep|pkill|killall)\b/.test(line)),
    [],
  )
})
