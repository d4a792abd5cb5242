/** `key rotate`: a new key, and every stored value encrypted with it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { aesDecrypt, aesEncrypt } from '../../src/key/aes.ts'
import { isText } from '../../src/key/encrypted-values.ts'
import { encryptedPlaces } from '../../src/store/encrypted-places.ts'
import { sealWithPassphraseQuickly } from '../support/age.ts'
import { copiesOf } from '../support/daemon.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { extent, leftOut } from '../support/extent.ts'
import { query } from '../support/mariadb.ts'
import { createOssimSchema, fillPlace } from '../support/ossim-schema.ts'
import { run } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, socketOfRun } from '../support/sandbox.ts'

const quickly = ['--yes', '--no-backup', '--no-second-look']

function rotate(sandbox: Sandbox, args: readonly string[] = quickly) {
  return run('frameworkd-setup', [
    'key',
    'rotate',
    '--non-interactive',
    '--root',
    sandbox.root,
    ...sandbox.flags,
    ...args,
  ])
}

/** A machine that is set up with key A, and has OSSIM's tables with values under it. */
const machineWithValues = copiesOf(async (kind) => {
  const sandbox = await Sandbox.create(kind)
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyA)
  await createOssimSchema(sandbox)
  for (const place of encryptedPlaces) await fillPlace(sandbox, place, keyA)
  return sandbox
})

/** The texts that a key gives of all values, sorted; values that it does not decrypt are left out. */
async function textsUnder(sandbox: Sandbox, key: string): Promise<string[]> {
  const texts: string[] = []
  for (const { table, column, isHex } of encryptedPlaces) {
    for (const [hex] of await sandbox.sql(`SELECT HEX(\`${column}\`) FROM \`${table}\``)) {
      if (typeof hex !== 'string' || hex === '') continue
      const stored = Buffer.from(hex, 'hex')
      // A wrong key gives letters for one block of plain text now and then.
      if (/^[\x20-\x7e]*$/.test(stored.toString('latin1')) && !isHex) continue
      const text = aesDecrypt(isHex ? Buffer.from(stored.toString('latin1'), 'hex') : stored, key)
      if (text && text.length > 0 && isText(text))
        texts.push(`${table}.${column} ${Buffer.from(text).toString('latin1')}`)
    }
  }
  return texts.sort()
}

testOnEachStore(
  'every value of every place is encrypted anew, the row and the file follow, and nothing else changes',
  async (kind) => {
    await using sandbox = await machineWithValues(kind)
    const before = await textsUnder(sandbox, keyA)
    assert.ok(before.length >= 4 * encryptedPlaces.length - 1, String(before.length))
    const plain = await sandbox.sql(
      "SELECT HEX(value) FROM config WHERE conf IN ('plain_pass', 'remote_token') ORDER BY conf",
    )
    const { code, stdout, stderr } = await rotate(sandbox, [...quickly, '--leave-undecryptable'])
    assert.equal(code, 0, stderr)
    const key = String(await sandbox.keyInRow())
    assert.equal(sandbox.keyInFile(), key)
    assert.notEqual(key, keyA)
    assert.equal(sandbox.mode(keyPath), '400')
    assert.deepEqual(await textsUnder(sandbox, key), before)
    assert.deepEqual(
      (await textsUnder(sandbox, keyA)).filter((text) => before.includes(text)),
      [],
    )
    assert.deepEqual(
      await sandbox.sql("SELECT HEX(value) FROM config WHERE conf IN ('plain_pass', 'remote_token') ORDER BY conf"),
      plain,
    )
    const [aside = ''] = sandbox.keptAside()
    assert.match(aside, /^db_encryption_key\.replaced-/)
    assert.equal(sandbox.read(`/etc/ossim/framework/${aside}`), keyFileText(keyA))
    assert.match(stdout, /^place +values +encrypted +plain +undecryptable\nconfig\.value /)
    const again = await sandbox.setup()
    assert.match(again.stdout, /changed=0/, again.stderr)
  },
)

testOnEachStore('--check shows the counts and writes nothing', { skip: leftOut }, async (kind) => {
  await using sandbox = await machineWithValues(kind)
  const [before, tree] = [await sandbox.dump(), sandbox.tree()]
  const { code, stdout, stderr } = await rotate(sandbox, [
    '--check',
    '--no-backup',
    '--leave-undecryptable',
    '--detailed-exitcode',
  ])
  assert.equal(code, 5, stderr)
  assert.match(stdout, /\ndatabases\.pass +6 +4 +2 +0\n/)
  const json = await rotate(sandbox, ['--check', '--leave-undecryptable', '--output', 'json'])
  const ofDatabases = JSON.parse(json.stdout).places.find(({ name }: { name: string }) => name === 'databases.pass')
  const counts = { values: 6, current: 4, superseded: 0, plain: 2, undecryptable: 0 }
  assert.deepEqual(ofDatabases, { name: 'databases.pass', ...counts })
  assert.deepEqual([await sandbox.dump(), sandbox.tree()], [before, tree])
})

testOnEachStore('a value that no key decrypts refuses the rotation, by place and row', async (kind) => {
  await using sandbox = await machineWithValues(kind)
  await sandbox.setRow('other_pass', Buffer.from(aesEncrypt('of another key', keyB) ?? []))
  const [before, tree] = [await sandbox.dump(), sandbox.tree()]
  const { code, stderr } = await rotate(sandbox)
  assert.equal(code, 3)
  assert.match(stderr, /\n {2}config\.value of row other_pass\n/)
  assert.match(stderr, /hint: .*--leave-undecryptable\n$/)
  assert.deepEqual([await sandbox.dump(), sandbox.tree()], [before, tree])
  const left = await sandbox.sql("SELECT HEX(value) FROM config WHERE conf = 'other_pass'")
  assert.equal((await rotate(sandbox, [...quickly, '--leave-undecryptable'])).code, 0)
  assert.deepEqual(await sandbox.sql("SELECT HEX(value) FROM config WHERE conf = 'other_pass'"), left)
})

testOnEachStore(
  'a machine that was not there is brought forward by apply, over several rotations, whatever --adopt says',
  { skip: leftOut },
  async (kind) => {
    await using sandbox = await machineWithValues(kind)
    for (let count = 0; count < 3; count += 1)
      assert.equal((await rotate(sandbox, [...quickly, '--leave-undecryptable'])).code, 0)
    const key = await sandbox.keyInRow()
    for (const args of [[], ['--adopt', 'file'], ['--adopt', 'new']]) {
      sandbox.write(keyPath, '', 0o600)
      sandbox.write(keyPath, keyFileText(keyA))
      const verify = await run('frameworkd', ['verify', '--root', sandbox.root])
      assert.deepEqual([verify.code, /was replaced by/.test(verify.stderr)], [3, true], verify.stderr)
      assert.match(verify.stderr, /hint: .*frameworkd-setup --root \S+\n$/)
      const { code, stdout, stderr } = await sandbox.setup(args)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /changed +encryption-key +bring .* forward/)
      assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [key, key])
    }
  },
)

testOnEachStore('a rotation that died before the file is finished by the next one', async (kind) => {
  await using sandbox = await machineWithValues(kind)
  assert.equal((await rotate(sandbox, [...quickly, '--leave-undecryptable'])).code, 0)
  const key = await sandbox.keyInRow()
  sandbox.write(keyPath, '', 0o600)
  sandbox.write(keyPath, keyFileText(keyA))
  const { code, stdout, stderr } = await rotate(sandbox)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /bring .* forward/)
  assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [key, key])
})

testOnEachStore(
  'apply encrypts anew what a late writer has left under a key that was replaced, and nothing else',
  { skip: leftOut },
  async (kind) => {
    await using sandbox = await machineWithValues(kind)
    assert.equal((await rotate(sandbox, [...quickly, '--leave-undecryptable'])).code, 0)
    await sandbox.setRow('late_pass', Buffer.from(aesEncrypt('written late', keyA) ?? []))
    await sandbox.setRow('other_pass', Buffer.from(aesEncrypt('of another key', keyB) ?? []))
    const other = await sandbox.sql("SELECT HEX(value) FROM config WHERE conf = 'other_pass'")
    const looked = await sandbox.setup(['--check'])
    assert.match(looked.stdout, /pending +stored-values +encrypt 1 value anew/)
    const { code, stdout } = await sandbox.setup()
    assert.equal(code, 0)
    assert.match(stdout, /changed +stored-values/)
    const key = String(await sandbox.keyInRow())
    assert.ok((await textsUnder(sandbox, key)).includes('config.value written late'))
    assert.deepEqual(await sandbox.sql("SELECT HEX(value) FROM config WHERE conf = 'other_pass'"), other)
    assert.match((await sandbox.setup()).stdout, /changed=0/)
  },
)

testOnEachStore('without consent, or with file and row apart, no key is replaced', async (kind) => {
  await using sandbox = await machineWithValues(kind)
  const before = await sandbox.dump()
  const unasked = await rotate(sandbox, ['--no-backup'])
  assert.deepEqual([unasked.code, /hint: .*--yes\n$/.test(unasked.stderr)], [2, true])
  sandbox.write(keyPath, '', 0o600)
  sandbox.write(keyPath, keyFileText(keyB))
  assert.equal((await rotate(sandbox)).code, 3)
  assert.equal(await sandbox.dump(), before)
  assert.equal(readFileSync(sandbox.path(keyPath), 'utf8'), keyFileText(keyB))
})

test('a table without transactions, and rights that are missing on one table, are told before anything is written', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWithValues('mysql')
  await sandbox.sql('ALTER TABLE `databases` ENGINE=MyISAM')
  const before = await sandbox.dump()
  const engine = await rotate(sandbox, [...quickly, '--leave-undecryptable'])
  assert.equal(engine.code, 2)
  assert.match(engine.stderr, /table databases .*MyISAM.*\nhint: .*ALTER TABLE `databases` ENGINE=InnoDB/)
  await sandbox.sql('ALTER TABLE `databases` ENGINE=InnoDB')
  const account = `${sandbox.database}@localhost`
  await query(socketOfRun(), undefined, `REVOKE ALL ON ${sandbox.database}.* FROM ${account}`)
  await query(socketOfRun(), undefined, `GRANT SELECT ON ${sandbox.database}.* TO ${account}`)
  await query(socketOfRun(), undefined, `GRANT SELECT, INSERT, UPDATE ON ${sandbox.database}.config TO ${account}`)
  const rights = await rotate(sandbox, [...quickly, '--leave-undecryptable'])
  assert.equal(rights.code, 2)
  assert.match(rights.stderr, /\(table databases\)/)
  assert.equal(await sandbox.dump(), before)
})

test('many values are told before, and all are encrypted anew', { skip: leftOut }, async () => {
  await using sandbox = await Sandbox.create('mysql')
  sandbox.write(keyPath, keyFileText(keyA), 0o400)
  await sandbox.setRow('encryption_key', keyA)
  const rowOf = (index: number) => `('${index}_pass', x'${aesEncrypt(`text ${index}`, keyA).toString('hex')}')`
  const rows = Array.from({ length: 10_001 }, (_, index) => rowOf(index))
  await sandbox.sql(`INSERT INTO config VALUES ${rows.join(', ')}`)
  const { code, stderr } = await rotate(sandbox)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^encrypting 10,001 values anew\n/)
  const key = String(await sandbox.keyInRow())
  const stored = await sandbox.sql("SELECT conf, HEX(value) FROM config WHERE conf LIKE '%!_pass' ESCAPE '!'")
  assert.equal(stored.length, rows.length)
  for (const [name, hex] of stored) {
    const text = aesDecrypt(Buffer.from(String(hex), 'hex'), key)
    assert.equal(String(text), `text ${String(name).replace('_pass', '')}`)
  }
})

test('no key and no text of a value is in any statement of a rotation but the key of its own row', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWithValues('mysql')
  await query(socketOfRun(), undefined, "SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1")
  try {
    assert.equal((await rotate(sandbox, [...quickly, '--leave-undecryptable'])).code, 0)
  } finally {
    await query(socketOfRun(), undefined, 'SET GLOBAL general_log = 0')
  }
  const key = String(await sandbox.keyInRow())
  // The server is other tests' too: what counts is this account.
  const ofAccount = 'SELECT argument FROM mysql.general_log WHERE user_host LIKE ?'
  const logged = await query(socketOfRun(), undefined, ofAccount, [`${sandbox.database}[%`])
  const statements = logged.map(([text]) => String(text))
  assert.ok(statements.some((text) => text.startsWith('UPDATE `config` SET `value` = CASE')))
  const withKey = statements.filter((text) => text.includes(key) || text.includes(keyA))
  assert.deepEqual(
    withKey.map((text) => text.replaceAll(key, 'KEY')),
    ["UPDATE config SET value = 'KEY' WHERE conf = 'encryption_key'"],
  )
  assert.deepEqual(
    statements.filter((text) => /sixteen letters|Grüße|short/.test(text)),
    [],
  )
})

test('a key is replaced only beside a sealed backup that opens and is of that key, or without one by word', async () => {
  await using sandbox = await machineWithValues('sqlite')
  sandbox.write('/operator/passphrase', 'right one\n', 0o600)
  const [mine, another] = [sandbox.path('/operator/mine.age'), sandbox.path('/operator/another.age')]
  if (extent === 'sample') await sealWithPassphraseQuickly(keyFileText(keyA), 'right one', mine)
  else {
    const seal = ['key', 'export', '--to', mine, '--passphrase-file', sandbox.path('/operator/passphrase')]
    const made = await run('frameworkd-setup', [...seal, '--root', sandbox.root, ...sandbox.flags])
    assert.equal(made.code, 0, made.stderr)
  }
  await sealWithPassphraseQuickly(keyFileText(keyB), 'right one', another)
  sandbox.write('/operator/wrong', 'wrong one\n', 0o600)
  const before = await sandbox.dump()
  const withBackup = (backup: string, passphrase: string) =>
    rotate(sandbox, [
      ...['--yes', '--no-second-look', '--leave-undecryptable'],
      ...['--backup', backup, '--passphrase-file', sandbox.path(passphrase)],
    ])
  const nothing = await rotate(sandbox, ['--yes', '--no-second-look'])
  assert.deepEqual([nothing.code, /hint: .*key export .*--no-backup\n$/.test(nothing.stderr)], [2, true])
  assert.equal((await rotate(sandbox, [...quickly, '--backup', mine])).code, 2)
  assert.equal((await withBackup(mine, '/operator/wrong')).code, 2)
  assert.equal((await withBackup(sandbox.path('/etc/passwd'), '/operator/passphrase')).code, 2)
  const others = await withBackup(another, '/operator/passphrase')
  assert.deepEqual([others.code, await sandbox.dump()], [3, before], others.stderr)
  const right = await withBackup(mine, '/operator/passphrase')
  assert.equal(right.code, 0, right.stderr)
  assert.match(right.stdout, /\nbackup +frameworkd-setup key export --root \S+\s+--to\s+FILE/)
  assert.notEqual(await sandbox.dump(), before)
})
