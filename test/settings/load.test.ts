/** Where settings come from: flag, environment, answer, frameworkd.ini, ossim.conf, ossim_setup.conf, row, default. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { KnownError } from '../../src/errors.ts'
import { Host } from '../../src/host/host.ts'
import { paths } from '../../src/paths.ts'
import type { SettingName } from '../../src/settings/definitions.ts'
import { type LoadedSettings, loadSettings } from '../../src/settings/load.ts'
import { Secret } from '../../src/text/secret.ts'

/** Every place that may say something; what is absent says nothing. */
interface Places {
  flags?: Partial<Record<SettingName, string>>
  environment?: Record<string, string>
  answers?: Partial<Record<SettingName, string>>
  settingsFile?: string
  ossimConf?: string
  setupConf?: string
  typedPassword?: string
}

/** A root with these places in it; whatever is read later is read while `look` runs. */
function withPlaces<T>(places: Places, look: (load: (configFile?: string) => LoadedSettings, root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-settings-'))
  try {
    for (const [path, text] of [
      [paths.settings, places.settingsFile],
      [paths.ossimConf, places.ossimConf],
      [paths.ossimSetupConf, places.setupConf],
    ] as const) {
      if (text === undefined) continue
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const mapOf = (texts: Places['flags'] = {}) => new Map(Object.entries(texts)) as Map<SettingName, string>
    const load = (configFile?: string) =>
      loadSettings({
        host: new Host(root),
        configFile,
        flags: mapOf(places.flags),
        answers: mapOf(places.answers),
        environment: places.environment ?? {},
        ...(places.typedPassword && { typedPassword: { secret: new Secret(places.typedPassword), origin: 'typed' } }),
      })
    return look(load, root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

function loaded(places: Places): LoadedSettings {
  return withPlaces(places, (load) => load())
}

function refusal(places: Places, configFile?: string): string {
  try {
    withPlaces(places, (load) => load(configFile))
  } catch (error) {
    assert.ok(error instanceof KnownError)
    assert.equal(error.code, 'configuration')
    return `${error.message}\nhint: ${error.hint}`
  }
  return assert.fail('nothing was refused')
}

/** Every place that can name the database account, the most important first: how its value is labelled. */
const accountPlaces: readonly [label: string, places: Places][] = [
  ['--db-user', { flags: { dbUser: '--db-user' } }],
  ['FRAMEWORKD_DB_USER', { environment: { FRAMEWORKD_DB_USER: 'FRAMEWORKD_DB_USER' } }],
  ['answer for db-user', { answers: { dbUser: 'answer-for-db-user' } }],
  [`${paths.settings}: db-user`, { settingsFile: `db-user = ${paths.settings}:-db-user\n` }],
  [`${paths.ossimConf}: ossim_user`, { ossimConf: `ossim_user=${paths.ossimConf}:-ossim_user\n` }],
  [`${paths.ossimSetupConf}: user`, { setupConf: `[database]\nuser=${paths.ossimSetupConf}:-user\n` }],
]

for (const [index, [label]] of accountPlaces.entries()) {
  const others = accountPlaces.slice(index + 1)
  test(`${label} decides over ${others.map(([other]) => other).join(', ') || 'nothing, as the last'}`, () => {
    const places = Object.assign({}, ...accountPlaces.slice(index).map(([, place]) => place))
    const { dbUser, sources } = loaded(places)
    assert.equal(dbUser, label.replaceAll(' ', '-'))
    assert.equal(sources.dbUser, label)
  })
}

test('a row decides over the default, and everything else over the row', () => {
  const rows = new Map([['frameworkd_port', Buffer.from('5000')]])
  const withRows = (places: Places) => loaded(places).withRows(rows, () => assert.fail('no owner is needed'))
  assert.equal(loaded({}).port, 40003)
  assert.equal(withRows({}).port, 5000)
  assert.equal(withRows({}).sources.port, 'row frameworkd_port of table config')
  assert.deepEqual([...withRows({}).ofRows], ['port'])
  for (const places of [
    { flags: { port: '5001' } },
    { environment: { FRAMEWORKD_PORT: '5001' } },
    { answers: { port: '5001' } },
    { settingsFile: 'port = 5001\n' },
  ]) {
    const settings = withRows(places)
    assert.equal(settings.port, 5001, settings.sources.port)
    assert.equal(settings.ofRows.size, 0)
  }
})

test('an empty row counts as missing, but not that of the key file, with which the old readers refuse to start', () => {
  const rowsOf = (name: string, value: Buffer | null) => new Map([[name, value]])
  const owner = () => assert.fail('no owner is needed')
  for (const empty of [null, Buffer.alloc(0)]) {
    assert.equal(loaded({}).withRows(rowsOf('frameworkd_port', empty), owner).port, 40003)
    assert.throws(
      () => loaded({}).withRows(rowsOf('frameworkd_keyfile', empty), owner),
      /row frameworkd_keyfile of table config: "" is not an absolute path/,
    )
  }
})

test('a row cannot set the connection to the database', () => {
  const rows = new Map(['db_user', 'ossim_user', 'frameworkd_db_user'].map((name) => [name, Buffer.from('row')]))
  const { dbUser } = loaded({}).withRows(rows, () => assert.fail('no owner is needed'))
  assert.equal(dbUser, undefined)
})

test('an empty variable, and one that Kubernetes makes for a service of our name, count as unset', () => {
  for (const text of ['', 'tcp://10.0.0.1:40003', 'udp://10.0.0.1:40003']) {
    assert.equal(loaded({ environment: { FRAMEWORKD_PORT: text } }).port, 40003, text)
  }
})

test('wrong values of all places are told at once', () => {
  const message = refusal({
    flags: { port: 'x' },
    environment: { FRAMEWORKD_STORE: 'oracle' },
    answers: { dbHost: 'a b' },
    settingsFile: 'log-mode = 0777\n',
    ossimConf: 'ossim_port=hunter2\n',
  })
  assert.match(message, /^5 settings are wrong:\n/)
  for (const line of [
    '--port: "x" is not a port (1 to 65535)',
    'FRAMEWORKD_STORE: "oracle" is not one of mysql, sqlite',
    'answer for db-host: "a b" is not an IP address or a host name',
    `${paths.settings}: log-mode: "0777" is not a mode from 0600 to 0644`,
    `${paths.ossimConf}: ossim_port: its value, hidden, is not a port (1 to 65535)`,
  ]) {
    assert.ok(message.includes(`\n  ${line}\n`), `${line} is not in ${message}`)
  }
})

test('every unknown name of the settings file is told, with the one that was meant', () => {
  const message = refusal({ settingsFile: 'db-hots = x\nprot = 1\n[database]\nuser = x\n' })
  assert.match(message, /^3 settings are wrong:/)
  assert.match(message, /"?db-hots"? is not a setting.*db-host/)
  assert.match(message, /"?prot"? is not a setting.*port/)
  assert.match(message, /\[database\]"? is not a setting/)
  assert.match(message, /hint: known settings: store, db-host, /)
})

test('the settings file may be missing where it is the default, and not where it was named', () => {
  assert.equal(loaded({}).sources.owner, 'default')
  assert.match(refusal({}, '/etc/mine.ini'), /^--config: \/etc\/mine\.ini does not exist\n/)
  assert.match(refusal({}, 'mine.ini'), /^--config: mine\.ini is not an absolute path\n/)
})

test('a settings file that was named takes the place of the default one', () => {
  withPlaces({ settingsFile: 'owner = www-data\n' }, (load, root) => {
    writeFileSync(join(root, 'mine.ini'), 'owner = root\n')
    const { owner, sources } = load('/mine.ini')
    assert.deepEqual([owner, sources.owner], ['root', '/mine.ini: owner'])
  })
})

test('the password is that of the most important place that has one, and only a typed one is kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-password-'))
  try {
    writeFileSync(join(folder, 'file'), 'of a file\n')
    writeFileSync(join(folder, 'frameworkd.db-password'), 'a credential\n')
    const all: readonly [places: Places, password: string, origin: string][] = [
      [{ typedPassword: 'typed' }, 'typed', 'typed'],
      [
        { environment: { FRAMEWORKD_DB_PASSWORD_FILE: join(folder, 'file') } },
        'of a file',
        'FRAMEWORKD_DB_PASSWORD_FILE',
      ],
      [{ environment: { CREDENTIALS_DIRECTORY: folder } }, 'a credential', 'credential frameworkd.db-password'],
      [{ ossimConf: 'ossim_pass=p;#"=a\n' }, 'p;#"=a', paths.ossimConf],
      [{ setupConf: '[database]\npass=p;#"=b\n' }, 'p;#"=b', paths.ossimSetupConf],
    ]
    for (const [index, [, wanted, origin]] of all.entries()) {
      const rest = all.slice(index).map(([places]) => places)
      const environment = Object.assign({}, ...rest.map((places) => places.environment))
      const { password } = loaded({ ...Object.assign({}, ...rest), environment })
      assert.equal(password?.secret.reveal(), wanted)
      assert.equal(password?.origin, origin)
      assert.equal(password?.keep, index === 0)
    }
    assert.equal(loaded({}).password, undefined)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('standard input is no place for a password that is read again', () => {
  const message = refusal({ environment: { FRAMEWORKD_DB_PASSWORD_FILE: '-' } })
  assert.match(message, /^FRAMEWORKD_DB_PASSWORD_FILE: - is standard input, which cannot be read again\n/)
})
