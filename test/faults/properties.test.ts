/** What holds for every input, not for those that somebody thought of: fast-check looks for one that breaks it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readPidfile } from '../../src/daemon/instance/pidfile.ts'
import { Host } from '../../src/host/host.ts'
import { Key } from '../../src/key/key.ts'
import { type KeyState, parseKeyFile, parseKeyRow, renderKeyFile } from '../../src/key/key-file.ts'
import { type Proof, reconcile } from '../../src/key/reconcile.ts'
import { parseSealedText, renderSealedText } from '../../src/key/sealed-text.ts'
import { readSealedKey } from '../../src/keycheck/sealed-key.ts'
import { kebabName, type SettingName, variableName } from '../../src/settings/definitions.ts'
import { parseOssimConf, parseSetupConf } from '../../src/settings/files/parse-conf.ts'
import { parseSettingsFile } from '../../src/settings/files/parse-ini.ts'
import { iniValue, setLines } from '../../src/settings/files/render.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { byExtent } from '../support/extent.ts'
import { startTally } from './support/tally.ts'

const numRuns = byExtent({ long: 50_000, all: 500, sample: 200 })
const tally = startTally('properties')

/** Checks a property on many inputs. */
function holds<T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void, runs = numRuns): void {
  fc.assert(fc.property(arbitrary, predicate), { numRuns: runs })
  tally.add('inputs to parsers, decisions and settings', runs)
}

const alphanumeric = fc.constantFrom(...'0123456789ABCDEFabcdefxyzXYZ')
const keyText = fc
  .tuple(...[8, 4, 4, 4, 12].map((length) => fc.string({ unit: alphanumeric, minLength: length, maxLength: length })))
  .map((parts) => parts.join('-'))
const key = keyText.map((text) => Key.parse(text) as Key)
const origin = fc.constantFrom('system-id', 'random', 'database', 'file')

/** Texts that look like the files that we read: made of what they are made of. */
const piece = fc.oneof(
  fc.constantFrom('\n', '\r\n', '=', ' = ', '#', ';', '[', ']', '"', "'", ' ', '\t', '\0', '\\', ':', 'é'),
  fc.constantFrom(
    'key',
    'key=',
    '[key-value]\n',
    'key=KEY_VALUE',
    'ossim_pass',
    'ossim_host',
    '[database]\n',
    'db_ip',
    'pass',
    '__proto__',
  ),
  keyText,
  fc.string({ maxLength: 5 }),
)
const confText = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''))
const keyFile = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  confText.map((text) => Buffer.from(text)),
  fc
    .tuple(key, origin, fc.nat(300), fc.array(piece, { maxLength: 3 }), fc.nat(3))
    .map(([one, from, at, pieces, cut]) => {
      const text = renderKeyFile(one, from, new Date(0))
      return Buffer.from(text.slice(0, at) + pieces.join('') + text.slice(at + cut))
    }),
)

/** `grep "^key=" FILE | awk 'BEGIN { FS = "=" } ; {print $2}'`, as PHP and Perl run it. */
function asGrepAndAwkRead(bytes: Buffer): string {
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith('key='))
  return lines.map((line) => line.split('=')[1]).join('\n')
}

test('what is sealed of a good key file is that key again, and a good key file for grep and awk', () => {
  holds(keyFile, (bytes) => {
    const state = parseKeyFile(bytes)
    if (state.kind !== 'good') return
    const text = renderSealedText(bytes, state.key, new Date(0))
    const opened = parseSealedText(text)
    assert.ok(opened.kind === 'good' && opened.key.equals(state.key) && opened.exportedAt === new Date(0).toISOString())
    assert.equal(asGrepAndAwkRead(text), state.key.reveal())
    assert.deepEqual(renderSealedText(text, state.key, new Date(0)), text, 'a second export adds nothing')
  })
})

test('any bytes are a sealed key, or a known error', async () => {
  const start = fc.constantFrom(
    '',
    '-----BEGIN AGE ENCRYPTED FILE-----\n',
    'age-encryption.org/v1\n',
    'age-encryption.org/v1\n-> ',
  )
  const runs = byExtent({ sample: 100, all: 200, long: 5000 })
  await fc.assert(
    fc.asyncProperty(start, fc.uint8Array({ maxLength: 300 }), async (begins, bytes) => {
      const file = Buffer.concat([Buffer.from(begins), bytes])
      await readSealedKey(file, 'FILE').catch((error) => assert.equal(error.code, 'sealed-key', error.stack))
    }),
    { numRuns: runs },
  )
  tally.add('inputs to parsers, decisions and settings', runs)
})

test('a key file that is good reads the same with grep and awk, and one that we write is good', () => {
  holds(keyFile, (bytes) => {
    const state = parseKeyFile(bytes)
    if (state.kind === 'good') assert.equal(asGrepAndAwkRead(bytes), state.key.reveal())
    if (state.kind === 'damaged') assert.doesNotMatch(state.reason, /[0-9A-Za-z]{8}-[0-9A-Za-z]{4}/)
  })
  holds(fc.tuple(key, origin), ([one, from]) => {
    const state = parseKeyFile(Buffer.from(renderKeyFile(one, from, new Date())))
    assert.ok(state.kind === 'good' && state.key.equals(one))
  })
})

test('a key file that is good reads the same in ConfigParser', () => {
  const good: [string, string][] = []
  const looksForGood = fc.tuple(key, origin, fc.constantFrom(0, 1, 2, 3, 4), piece).map(([one, from, line, extra]) => {
    const lines = renderKeyFile(one, from, new Date(0)).split('\n')
    lines.splice(line, 0, extra)
    return Buffer.from(lines.join('\n'))
  })
  holds(fc.oneof(keyFile, looksForGood), (bytes) => {
    const state = parseKeyFile(bytes)
    if (state.kind === 'good') good.push([bytes.toString('latin1'), state.key.reveal()])
  })
  const python = `
import configparser, json, sys
def read(text):
    c = configparser.ConfigParser()
    c.read_string(text)
    return c.get('key-value', 'key')
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)`
  const read = execFileSync('python3', ['-c', python], {
    input: JSON.stringify(good.map(([text]) => text)),
    maxBuffer: 2 ** 28,
  })
  assert.ok(good.length > 10)
  assert.deepEqual(
    JSON.parse(read.toString()),
    good.map(([, text]) => text),
  )
})

test('a row is a key only when it is nothing but the key', () => {
  holds(fc.oneof(keyText, confText), (text) => {
    const state = parseKeyRow(Buffer.from(text))
    if (state.kind === 'good') assert.equal(state.key.reveal(), text)
    if (state.kind === 'absent') assert.equal(text, '')
  })
})

test('ossim.conf: any text is read, values are whole up to white space, the last line wins', () => {
  holds(confText, (text) => {
    for (const [name, value] of parseOssimConf(text)) {
      assert.match(name, /^[^ \t\r\n\f\v=#]+$/)
      assert.match(value, /^[^ \t\r\n\f\v]+$/)
    }
    parseSetupConf(text)
  })
  const name = fc.string({ unit: fc.constantFrom(...'abcxyz_'), minLength: 1, maxLength: 8 })
  const value = fc.string({ unit: fc.constantFrom(...`abc;#"'=\\[]%`), minLength: 1, maxLength: 12 })
  holds(fc.array(fc.tuple(name, value), { maxLength: 8 }), (pairs) => {
    const text = pairs.map((pair) => `${pair.join('=')}\n`).join('')
    assert.deepEqual(parseOssimConf(text), new Map(pairs))
    assert.deepEqual(parseSetupConf(`[other]\nuser=x\n[database]\n${text}`), new Map(pairs))
  })
})

test('what is set in a settings file is read back, other lines survive, and setting it again changes nothing', () => {
  const name = fc.constantFrom('ossim_host', 'ossim_user', 'ossim_pass')
  const value = fc.string({ unit: fc.constantFrom(...`abc;#"'\\[]%`), minLength: 1, maxLength: 12 })
  holds(fc.tuple(confText, fc.dictionary(name, value)), ([text, wanted]) => {
    const map = new Map(Object.entries(wanted))
    const after = setLines(text, map, 'conf')
    const read = parseOssimConf(after)
    for (const [key, one] of map) assert.equal(read.get(key), one)
    assert.equal(setLines(after, map, 'conf'), after)
    const others = (all: string) =>
      all.split('\n').filter((line) => line !== '' && ![...map.keys()].some((key) => line.includes(key)))
    assert.deepEqual(others(after), others(text))
  })
})

test('frameworkd.ini: a value that we write is read back whole, and any text is read', () => {
  holds(confText, (text) => void parseSettingsFile(text))
  const value = fc
    .string({ unit: fc.constantFrom(...`ab;#"'=\\[] %`), minLength: 1, maxLength: 12 })
    .map((text) => `/${text}`)
  holds(value, (text) => {
    // A new line, and one with any other value and a comment behind it.
    for (const before of [
      '',
      `db-ssl-ca = ${iniValue(`${text}old`)}\n`,
      'db-ssl-ca=/x ; why\n',
      'db-ssl-ca="/x;\r\n',
    ]) {
      const wanted = new Map([['db-ssl-ca', iniValue(text)]])
      const written = setLines(before, wanted, 'ini')
      assert.equal(parseSettingsFile(written).values.get('dbSslCa'), text)
      assert.equal(setLines(written, wanted, 'ini'), written)
      if (before.includes('why')) assert.match(written, /; why/)
    }
  })
})

test('a pidfile names a pid, or nothing', () => {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-pidfile-'))
  const host = new Host(root)
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.bigInt().map((number) => Buffer.from(`${number}\n`)),
  )
  holds(
    content,
    (bytes) => {
      writeFileSync(join(root, 'pid'), bytes)
      const pid = readPidfile(host, '/pid')
      if (pid !== undefined) assert.equal(Buffer.from(bytes).toString('latin1').trimEnd(), String(pid))
    },
    byExtent({ long: 5000, all: 200, sample: 100 }),
  )
  rmSync(root, { recursive: true })
})

const [a, b] = ['564D1E7A-1111-2222-3333-444455556666', 'AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111'].map(
  (text) => Key.parse(text) as Key,
) as [Key, Key]
const state: fc.Arbitrary<KeyState> = fc.constantFrom<KeyState>(
  { kind: 'absent' },
  { kind: 'good', key: a },
  { kind: 'good', key: b },
  { kind: 'good', key: a.inLowerCase() },
  { kind: 'damaged', reason: 'x' },
)
const verdict = fc.constantFrom('proven', 'disproved', 'unknown')
const proof: fc.Arbitrary<Proof> = fc
  .tuple(fc.boolean(), fc.subarray([a, b]), verdict, verdict, verdict)
  .map(([hasValues, superseded, ...verdicts]) => ({
    hasValues,
    isSuperseded: (one) => superseded.some((old) => old.equals(one)),
    verdictOn: (one) => verdicts[[a, b, a.inLowerCase()].findIndex((other) => other.equals(one))] ?? 'unknown',
  }))
const adopt = fc.constantFrom(undefined, 'file', 'database', 'new')

test('reconcile never gives a good key up without keeping it, never spreads a disproved one unasked, never generates over anything', () => {
  holds(fc.tuple(state, state, proof, adopt), ([file, row, evidence, side]) => {
    const decision = reconcile(file, row, evidence, side)
    const isGood = (place: KeyState, one: Key) => place.kind === 'good' && place.key.equals(one)
    if (decision.kind === 'keep') assert.ok(isGood(file, decision.key) && isGood(row, decision.key))
    if (decision.kind === 'copy-to-file') {
      assert.ok(isGood(row, decision.key))
      assert.equal(file.kind === 'absent', decision.aside === undefined)
      // In the place of a superseded key that is disproved as well, values speak for neither.
      const isPlacedByRow = decision.superseded && evidence.verdictOn(decision.superseded) === 'disproved'
      if (side === undefined && !isPlacedByRow) assert.notEqual(evidence.verdictOn(decision.key), 'disproved')
      if (decision.superseded)
        assert.ok(isGood(file, decision.superseded) && evidence.isSuperseded(decision.superseded))
      else if (file.kind === 'good') assert.equal(side, 'database')
    }
    if (decision.kind === 'claim-row') {
      assert.ok(isGood(file, decision.key) && row.kind === 'absent')
      if (side === undefined) assert.notEqual(evidence.verdictOn(decision.key), 'disproved')
    }
    if (decision.kind === 'copy-to-row') assert.ok(isGood(file, decision.key) && side === 'file')
    if (decision.kind === 'generate') assert.ok(file.kind === 'absent' && row.kind === 'absent' && !evidence.hasValues)
    if (decision.kind === 'recover') assert.ok(file.kind === 'absent' && row.kind === 'absent' && evidence.hasValues)
    if (decision.kind === 'replace-both') assert.equal(side, 'new')
  })
  holds(fc.tuple(state, state, proof, adopt), ([file, row, evidence, side]) => {
    const alone = reconcile(file, row, evidence)
    if (alone.kind !== 'refuse' && alone.kind !== 'recover')
      assert.deepEqual(reconcile(file, row, evidence, side), alone)
  })
})

test('a setting comes from the most important source that has it, and knows which', () => {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-settings-'))
  mkdirSync(join(root, 'etc/ossim/framework'), { recursive: true })
  const host = new Host(root)
  mkdirSync(join(root, 'etc/frameworkd'))
  const name: SettingName = 'dbHost'
  const sources = ['flag', 'variable', 'answer', 'ini', 'ossim.conf', 'ossim_setup.conf'] as const
  const hostName = fc.string({ unit: fc.constantFrom(...'abc123'), maxLength: 8 }).map((text) => `h${text}`)
  const value = fc.option(hostName, { nil: undefined })
  holds(
    fc.tuple(value, value, value, value, value, value),
    (values) => {
      const [flag, variable, answer, ini, conf, setupConf] = values
      const write = (path: string, line: string, text: string | undefined) =>
        writeFileSync(join(root, path), text === undefined ? '' : `${line}${text}\n`)
      write('etc/frameworkd/frameworkd.ini', `${kebabName(name)} = `, ini)
      write('etc/ossim/framework/ossim.conf', 'ossim_host=', conf)
      write('etc/ossim/ossim_setup.conf', '[database]\ndb_ip=', setupConf)
      const settings = loadSettings({
        host,
        configFile: undefined,
        flags: new Map(flag === undefined ? [] : [[name, flag]]),
        answers: new Map(answer === undefined ? [] : [[name, answer]]),
        environment: variable === undefined ? {} : { [variableName(name)]: variable },
      })
      const first = values.findIndex((one) => one !== undefined)
      assert.equal(settings.dbHost, first === -1 ? '127.0.0.1' : values[first])
      assert.equal(settings.given.has(name), first !== -1 && first < 3)
      const labels = {
        flag: '--db-host',
        variable: 'FRAMEWORKD_DB_HOST',
        answer: 'answer',
        ini: '.ini',
        'ossim.conf': '/ossim.conf',
        'ossim_setup.conf': 'ossim_setup.conf',
      }
      const source = sources[first]
      assert.ok(
        settings.sources[name].includes(source === undefined ? 'default' : labels[source]),
        settings.sources[name],
      )
    },
    byExtent({ long: 5000, all: 200, sample: 100 }),
  )
  rmSync(root, { recursive: true })
})
