/** passwd and group of an image are a stranger's files. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownError } from '../../src/errors.ts'
import { accountNames, resolveAccount } from '../../src/host/accounts.ts'
import { Files } from '../../src/host/files/files.ts'
import { Tree } from '../../src/host/files/tree.ts'

function machine(passwd: string, group = '') {
  const root = mkdtempSync(join(tmpdir(), 'frameworkd-accounts-'))
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/passwd'), passwd)
  writeFileSync(join(root, 'etc/group'), group)
  return { files: new Files(new Tree(root), false), [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

const noIds = [
  '',
  'abc',
  '-1',
  '4294967295',
  '4294967296',
  '99999999999',
  '0x10',
  ' 5',
  '5 ',
  '1e3',
  '5.0',
  '+5',
  '٣',
  '5\u001b[2J',
]

for (const id of noIds) {
  test(`'${JSON.stringify(id)}' in passwd or group is no id, and never root's`, () => {
    const refuses = (passwd: string, group: string, owner: string, what: RegExp) => {
      using place = machine(passwd, group)
      assert.throws(
        () => resolveAccount(place.files, owner),
        (error) => {
          assert.ok(error instanceof KnownError, String(error))
          assert.equal(error.code, 'missing-account')
          assert.match(error.message, what)
          assert.match(error.message + error.hint, /^[\x20-\x7e]+$/)
          return true
        },
      )
    }
    refuses(`www-data:x:${id}:33:::\n`, '', 'www-data', /account www-data has no usable user id in .*\/etc\/passwd/)
    refuses(`www-data:x:33:${id}:::\n`, '', 'www-data', /account www-data has no usable group id in .*\/etc\/passwd/)
    refuses('www-data:x:33:33:::\n', `g:x:${id}:\n`, 'www-data:g', /group g has no usable group id in .*\/etc\/group/)
  })
}

test('an entry that ends too early has no id, and a number without an entry needs its group', () => {
  for (const line of ['www-data', 'www-data:x', 'www-data:x:33']) {
    using place = machine(`${line}\n`)
    assert.throws(() => resolveAccount(place.files, 'www-data'), /has no usable/)
  }
  using place = machine('')
  assert.throws(() => resolveAccount(place.files, '33'), /name its group too|is not in/)
  const { uid, gid } = resolveAccount(place.files, '33:34')
  assert.deepEqual([uid, gid], [33, 34])
})

test('what is no name of an account is refused without being repeated where it has signs', () => {
  using place = machine('www-data:x:33:33:::\n\u001b[2J:x:0:0:::\n:x:0:0:::\n')
  for (const owner of [
    '',
    ':',
    'www-data:',
    ':www-data',
    'a:b:c',
    'www data',
    '\u001b[2J',
    'a\nb',
    '-1',
    '4294967295',
  ]) {
    assert.throws(
      () => resolveAccount(place.files, owner),
      (error) => error instanceof KnownError && error.exitCode === 2 && /^[\x20-\x7e]+$/.test(error.message),
      owner,
    )
  }
})

test("a group's name that is not plain is not written into other programs' files: its number is", () => {
  for (const name of ['g\u001b', 'a b', 'a"b', '$(id)', 'a\\b', 'a;b', '%n', '']) {
    using place = machine('www-data:x:33:7:::\n', `${name}:x:7:\n`)
    const account = resolveAccount(place.files, 'www-data')
    assert.deepEqual(accountNames(place.files, account), { user: 'www-data', group: '7' })
  }
  using place = machine('DOM.user-1@x:x:33:7:::\n', 'alien.vault:x:7:\n')
  const account = resolveAccount(place.files, 'DOM.user-1@x')
  assert.deepEqual(accountNames(place.files, account), { user: 'DOM.user-1@x', group: 'alien.vault' })
})

test('nobody is told to move passwd away when it cannot be read', () => {
  using place = machine('')
  const passwd = join(place.files.tree.root, 'etc/passwd')
  for (const plant of [() => mkdirSync(passwd), () => writeFileSync(passwd, Buffer.alloc(33 * 1024 * 1024))]) {
    rmSync(passwd, { recursive: true })
    plant()
    assert.throws(
      () => resolveAccount(place.files, 'www-data'),
      (error) => error instanceof KnownError && /look at it/.test(error.hint) && !/move|remove/.test(error.hint),
    )
  }
})

test('passwd and group of a large site, some megabytes each, are read', () => {
  const many = Array.from(
    { length: 100_000 },
    (_, index) => `user${index}:x:${10_000 + index}:100::/home/user${index}:/bin/sh\n`,
  )
  using place = machine(`${many.join('')}www-data:x:33:7:::\n`, `${many.join('')}ossim:x:7:\n`)
  const account = resolveAccount(place.files, 'www-data:ossim')
  assert.deepEqual([account.uid, account.gid], [33, 7])
  assert.deepEqual(accountNames(place.files, resolveAccount(place.files, 'www-data')), {
    user: 'www-data',
    group: 'ossim',
  })
})
