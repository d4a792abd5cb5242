/** Database files that were damaged or crafted: each is a known error or answers, and none is a bug, a crash or a hang. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { KnownError } from '../../src/errors.ts'
import { Host } from '../../src/host/host.ts'
import { ownRights } from '../../src/host/processes/rights/rights.ts'
import { Key } from '../../src/key/key.ts'
import { EmbeddedFile } from '../../src/store/sqlite/embedded-file.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { byExtent } from '../support/extent.ts'
import { keyA, Sandbox } from '../support/sandbox.ts'
import { startTally } from './support/tally.ts'

const storePath = '/var/lib/frameworkd/store/config.db'
const tally = startTally('damaged store')
const key = Key.parse(keyA) ?? assert.fail('the key is one')

/** Numbers that are the same in every run (xorshift32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** What happens to a file: bytes that are changed, exchanged or lost, anywhere or in what gives it its structure. */
const mutations: readonly ((bytes: Buffer, next: (below: number) => number) => Buffer)[] = [
  (bytes, next) => {
    for (let count = 1 + next(8); count > 0; count -= 1) bytes[next(bytes.length)] = next(256)
    return bytes
  },
  (bytes, next) => {
    for (let count = 1 + next(4); count > 0; count -= 1) bytes[next(160)] = next(256)
    return bytes
  },
  // The head of a page: kind, count of cells, pointers.
  (bytes, next) => {
    const page = next(bytes.length / 4096) * 4096
    for (let count = 1 + next(4); count > 0; count -= 1)
      bytes[page + next(40)] = [0, 1, 2, 5, 10, 13, 255][next(7)] ?? 0
    return bytes
  },
  (bytes, next) => bytes.subarray(0, next(bytes.length)),
  (bytes, next) => {
    const [from, to] = [next(bytes.length / 4096) * 4096, next(bytes.length / 4096) * 4096]
    bytes.copy(bytes, to, from, from + 4096)
    return bytes
  },
  // A text of the schema, or a value.
  (bytes, next) => {
    const words = ['CREATE', 'config', 'conf', 'value', 'PRIMARY', 'encryption_key', 'table', 'sqlite_autoindex']
    const at = bytes.indexOf(words[next(words.length)] ?? '')
    if (at >= 0) bytes[at + next(4)] = next(256)
    return bytes
  },
]

test('a damaged or crafted database file is a known error or answers, whatever is asked', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await sandbox.setRow('encryption_key', keyA)
  await sandbox.addEncrypted(keyA)
  await sandbox.sql('CREATE TABLE user_config (category TEXT, value TEXT, number INTEGER)')
  for (let row = 0; row < 200; row += 1)
    await sandbox.sql('INSERT INTO user_config VALUES (?, ?, ?)', ['credentials', 'AB'.repeat(32), null])
  const at = sandbox.path(storePath)
  const whole = readFileSync(at)
  const count = byExtent({ long: 20_000, all: 400, sample: 200 })
  const known = { answered: 0, refused: 0 }
  for (let seed = 1; seed <= count; seed += 1) {
    const next = numbersFrom(seed * 2_654_435_761)
    const mutate = mutations[seed % mutations.length] ?? assert.fail()
    writeFileSync(at, mutate(Buffer.from(whole), next))
    rmSync(`${at}-journal`, { force: true })
    try {
      await askEverything(sandbox)
      known.answered += 1
    } catch (error) {
      assert.ok(error instanceof KnownError, `seed ${seed}: ${error instanceof Error ? error.stack : error}`)
      assert.match(error.message, /^[\x20-\x7e]+$/, `seed ${seed}`)
      known.refused += 1
    }
  }
  assert.ok(known.answered > 0 && known.refused > 0, JSON.stringify(known))
  tally.add('damaged database files', count)
})

async function askEverything(sandbox: Sandbox): Promise<void> {
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  await using store = await openSqliteStore(new EmbeddedFile(new Host(sandbox.root), ids, ownRights), ownRights)
  await store.schema()
  await store.rows()
  await store.examine([key])
  await store.sensors()
  await store.requireWritable()
  await store.claimRow(key)
  await store.replaceRow(Buffer.from('seen'), key)
  await store.createSchema()
}
