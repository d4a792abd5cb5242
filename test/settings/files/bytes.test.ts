/** Settings files are bytes: what others wrote there survives, and a password is what it is. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { bytesOf, byteTextOf } from '../../../src/settings/files/byte-text.ts'
import { parseOssimConf, parseSetupConf } from '../../../src/settings/files/parse-conf.ts'
import { setLines } from '../../../src/settings/files/render.ts'
import { someOf } from '../../support/extent.ts'
import { query } from '../../support/mariadb.ts'
import { run } from '../../support/programs.ts'
import { Sandbox, socketOfRun } from '../../support/sandbox.ts'

const confPath = '/etc/ossim/framework/ossim.conf'
/** Every byte but the line feed, on a comment line, and a value that is no UTF-8. */
const others = Buffer.concat([
  Buffer.from('#'),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10)),
  Buffer.from('\nother_pass=gr\xfcn\xa0\n', 'latin1'),
])

test('every byte of ossim.conf that is not a changed value survives, with its line ends and comments', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const head = Buffer.from(`ossim_host=elsewhere # the ol\xe9 server\r\nossim_user\t= nobody\r\n`, 'latin1')
  sandbox.write(confPath, Buffer.concat([others, head, Buffer.from('last=\xff', 'latin1')]))
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  const after = Buffer.from(sandbox.read(confPath), 'latin1')
  assert.deepEqual(after.subarray(0, others.length), others)
  const lines = after.subarray(others.length).toString('latin1').split('\n')
  assert.equal(lines[0], 'ossim_host=127.0.0.1 # the ol\xe9 server\r')
  assert.equal(lines[1], `ossim_user\t= ${sandbox.database}\r`)
  assert.equal(lines[2], 'last=\xff')
  const again = await sandbox.setup()
  assert.match(again.stdout, /changed=0/)
  assert.deepEqual(Buffer.from(sandbox.read(confPath), 'latin1'), after)
})

test('a file whose values are all right is left as it is, without a line end at its end too', () => {
  for (const text of ['a=1\r\nb=2 # x', 'a=1', 'a=1\n\n', '\ufeff'.slice(1)]) {
    assert.equal(setLines(text, new Map(text.includes('a') ? [['a', '1']] : []), 'conf'), text)
  }
  assert.equal(setLines('a=1', new Map([['b', '2']]), 'conf'), 'a=1\nb=2\n')
  assert.equal(setLines('a=1\r\n', new Map([['b', '2']]), 'conf'), 'a=1\r\nb=2\r\n')
})

test('frameworkd.ini: comments behind a changed value survive, and are not read as part of it', () => {
  const after = setLines('owner = www-data ; why\r\n', new Map([['owner', 'a']]), 'ini')
  assert.equal(after, 'owner = a ; why\r\n')
  const quoted = setLines('owner = www-data ; why\n', new Map([['owner', '"a "']]), 'ini')
  assert.equal(quoted, '; why\nowner = "a "\n')
})

const spaces = { 'U+00A0': '\u00a0', 'U+3000': '\u3000', 'U+FEFF': '\ufeff', 'U+2028': '\u2028', 'U+0085': '\u0085' }

test('a password with spaces that are none in ASCII is read whole, from both files', () => {
  for (const [name, space] of Object.entries(spaces)) {
    const password = byteTextOf(`a${space}b${space}`)
    assert.equal(parseOssimConf(`ossim_pass=${password}\n`).get('ossim_pass'), password, name)
    assert.equal(parseSetupConf(`[database]\npass=${password} \r\n`).get('pass'), password, name)
    assert.equal(bytesOf(password).toString('utf8'), `a${space}b${space}`)
  }
})

const passwords: Readonly<Record<string, Buffer>> = {
  'latin1 letters': Buffer.from('gr\xfcn\xe9\xa0', 'latin1'),
  'UTF-8 letters and spaces': Buffer.from(`grün\u00a0\u3000\ufeff`),
  'bytes of both': Buffer.concat([Buffer.from('ü'), Buffer.from([0xfc, 0x80, 0xff])]),
}

for (const [name, password] of someOf(Object.entries(passwords), 3)) {
  test(`a password of ${name} logs in, from ossim.conf and from a file, and is kept byte for byte`, async () => {
    await using sandbox = await Sandbox.create('mysql')
    const sha1 = (bytes: Buffer) => createHash('sha1').update(bytes).digest()
    const hash = `*${sha1(sha1(password)).toString('hex').toUpperCase()}`
    await query(socketOfRun(), undefined, `ALTER USER ${sandbox.database}@localhost IDENTIFIED BY PASSWORD '${hash}'`)
    sandbox.write('/operator/password', Buffer.concat([password, Buffer.from('\n')]))
    const first = await sandbox.setup()
    assert.equal(first.code, 0, first.stderr)
    const kept = parseOssimConf(sandbox.read(confPath)).get('ossim_pass') ?? ''
    assert.deepEqual(bytesOf(kept), password)
    const { code, stderr } = await run('frameworkd-setup', ['--non-interactive', '--root', sandbox.root])
    assert.equal(code, 0, stderr)
  })
}
