/** How one value comes out of several sources: their order, what one setting implies for another, and all errors at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownError } from '../../src/errors.ts'
import { type SettingName, settingNames } from '../../src/settings/definitions.ts'
import { resolveSettings, type Settings, type Source } from '../../src/settings/resolve.ts'

type Texts = Partial<Record<SettingName, string>>

/** Sources by their texts, the most important first; they are called first, second and so on. */
function resolve(...sources: readonly (Texts & { more?: Partial<Source> })[]): Settings {
  const names = ['first', 'second', 'third']
  return resolveSettings(
    sources.map(({ more, ...texts }, index) => ({
      label: (name) => `${names[index]} ${name}`,
      get: (name) => (texts as Texts)[name],
      given: false,
      ...more,
    })),
    undefined,
  )
}

function refusal(work: () => unknown): KnownError {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof KnownError)
    return error
  }
  return assert.fail('nothing was refused')
}

test('the most important source that names a setting decides, and each value knows its source', () => {
  const settings = resolve(
    { port: '1' },
    { port: '2', owner: 'second' },
    { port: '3', owner: 'third', dbUser: 'third' },
  )
  assert.deepEqual([settings.port, settings.owner, settings.dbUser], [1, 'second', 'third'])
  const { port, owner, dbUser, logDir } = settings.sources
  assert.deepEqual([port, owner, dbUser, logDir], ['first port', 'second owner', 'third dbUser', 'default'])
})

test('without any source there are the defaults alone, and nothing was given', () => {
  const settings = resolve()
  assert.deepEqual(new Set(Object.values(settings.sources)), new Set(['default']))
  assert.deepEqual(Object.keys(settings.sources).sort(), [...settingNames].sort())
  assert.deepEqual([settings.given.size, settings.ofRows.size], [0, 0])
  assert.equal(settings.store, undefined)
  assert.equal(settings.dbSocket, undefined)
})

test('what was given for this run, and what rows have said, is known by name', () => {
  const settings = resolve(
    { owner: 'www-data', more: { given: true } },
    { owner: 'root', init: 'none' },
    { port: '1', init: 'auto', more: { isRow: true } },
  )
  assert.deepEqual([...settings.given], ['owner'])
  assert.deepEqual([...settings.ofRows], ['port'])
})

/** What is said, the most important source first, and what comes of it. */
const implications: readonly [promise: string, sources: readonly Texts[], wanted: Partial<Settings>, saidBy: Texts][] =
  [
    ['a host means a server', [{ dbHost: 'db' }], { store: 'mysql' }, { store: 'first dbHost' }],
    ['a socket means a server', [{ dbSocket: '/s' }], { store: 'mysql' }, { store: 'first dbSocket' }],
    ['a host wins over a store of a lesser source', [{ dbHost: 'db' }, { store: 'sqlite' }], { store: 'mysql' }, {}],
    ['a store wins over a host of its own source', [{ store: 'sqlite', dbHost: 'db' }], { store: 'sqlite' }, {}],
    ['a store wins over a host of a lesser source', [{ store: 'sqlite' }, { dbHost: 'db' }], { store: 'sqlite' }, {}],
    [
      'a CA has the server verified',
      [{ dbSslCa: '/ca' }],
      { dbSslMode: 'verify-identity' },
      { dbSslMode: 'first dbSslCa' },
    ],
    [
      'a CA wins over a lesser mode that does not verify',
      [{ dbSslCa: '/ca' }, { dbSslMode: 'required' }],
      { dbSslMode: 'verify-identity' },
      { dbSslMode: 'first dbSslCa' },
    ],
    [
      'a CA agrees with a lesser mode that verifies',
      [{ dbSslCa: '/ca' }, { dbSslMode: 'verify-ca' }],
      { dbSslMode: 'verify-ca' },
      { dbSslMode: 'second dbSslMode' },
    ],
    [
      'a mode wins over the CA of its own source',
      [{ dbSslCa: '/ca', dbSslMode: 'required' }],
      { dbSslMode: 'required' },
      { dbSslMode: 'first dbSslMode' },
    ],
    ['a socket counts beside a host of its own source', [{ dbSocket: '/s', dbHost: 'db' }], { dbSocket: '/s' }, {}],
    ['a socket counts over a host of a lesser source', [{ dbSocket: '/s' }, { dbHost: 'db' }], { dbSocket: '/s' }, {}],
  ]

for (const [promise, sources, wanted, saidBy] of implications) {
  test(promise, () => {
    const settings = resolve(...sources)
    for (const [name, value] of Object.entries(wanted)) assert.equal(settings[name as SettingName], value, name)
    for (const [name, label] of Object.entries(saidBy)) assert.equal(settings.sources[name as SettingName], label)
  })
}

test('a host takes the place of a socket that a less important source names', () => {
  const settings = resolve({ dbHost: 'db' }, { dbSocket: '/s' })
  assert.equal(settings.dbSocket, undefined)
  assert.equal(settings.dbHost, 'db')
})

test('all wrong values are told at once, each with its source, and a good one of a lesser source does not help', () => {
  const error = refusal(() =>
    resolve({ port: '0', store: 'oracle' }, { port: '40003', dbHost: 'a b', logMode: '0777' }),
  )
  assert.equal(error.code, 'configuration')
  assert.equal(
    error.message,
    [
      '4 settings are wrong:',
      '  first store: "oracle" is not one of mysql, sqlite',
      '  second dbHost: "a b" is not an IP address or a host name',
      '  first port: "0" is not a port (1 to 65535)',
      '  second logMode: "0777" is not a mode from 0600 to 0644',
    ].join('\n'),
  )
})

test('a wrong value of a private source is not shown', () => {
  const { message } = refusal(() => resolve({ dbPort: 'hunter2', more: { isPrivate: true } }))
  assert.equal(message, 'first dbPort: its value, hidden, is not a port (1 to 65535)')
})

test('a source that may not decide about a setting is refused, and not passed over', () => {
  const refusalOf = (name: SettingName) => (name === 'owner' ? 'may not be decided here' : undefined)
  const { message } = refusal(() => resolve({ owner: 'root', more: { refusalOf } }, { owner: 'www-data' }))
  assert.equal(message, 'first owner may not be decided here')
  assert.equal(resolve({ dbName: 'x', more: { refusalOf } }).dbName, 'x')
})

test('a port belongs to the host of its source, and is ignored where a more important source names another host', () => {
  const portOf = (...sources: Texts[]) => resolve(...sources).dbPort
  const kept = { dbHost: 'a', dbPort: '3307' }
  assert.equal(portOf(kept), 3307)
  assert.equal(portOf({ dbHost: 'a' }, kept), 3307)
  assert.equal(portOf({ dbHost: 'b' }, kept), 3306)
  assert.equal(portOf({ dbHost: 'a:3308,b' }, kept), 3306)
  assert.equal(portOf({ dbHost: 'b', dbPort: '3309' }, kept), 3309)
  // A port alone is meant for whatever host there is, such as an answer beside a flag.
  assert.equal(portOf({ dbHost: 'b' }, { dbPort: '3310' }, kept), 3310)
  assert.equal(portOf({ dbPort: '3310' }, kept), 3310)
  assert.equal(resolve({ dbHost: 'b' }, kept).sources.dbPort, 'default')
})
