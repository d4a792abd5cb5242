/** A hint is an order that works: each command in it is one that the program takes, on the tree that was worked on. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { readInvocation } from '../../src/cli/dispatch.ts'
import { program } from '../../src/cli/setup/main.ts'
import type { KnownError } from '../../src/errors.ts'
import { Key } from '../../src/key/key.ts'
import type { Comparison } from '../../src/key/sealed-key-decision.ts'
import { type KeyPlaces, keyLost } from '../../src/keycheck/refusal.ts'
import { explainComparison, explainImportRefusal } from '../../src/keycheck/sealed-refusal.ts'
import { keyA, keyB } from '../support/sandbox.ts'

const tree = "/mnt/an image's root"
const backup = "/root/the key's backup.age"
const [key, other] = [Key.parse(keyA) ?? assert.fail(), Key.parse(keyB) ?? assert.fail()]

const places: KeyPlaces = {
  root: tree,
  path: '/etc/ossim/framework/db_encryption_key',
  store: 'alienvault on 127.0.0.1:3306',
  file: { kind: 'good', key: other },
  row: { kind: 'good', key: other },
  proof: {
    hasValues: false,
    verdictOn: () => 'unknown',
    isSuperseded: () => false,
    values: 'no stored values',
    countsOf: () => 'none',
  },
}

/** The words of each command of ours in a hint, as a shell splits them. */
function commandsIn(hint: string): string[][] {
  const parts = hint.split(/[:;] /).filter((part) => part.startsWith('frameworkd-setup'))
  return parts.map((part) =>
    execFileSync('sh', ['-c', `printf '%s\\n' ${part}`], { encoding: 'utf8' })
      .trim()
      .split('\n'),
  )
}

async function assertRuns(error: KnownError | undefined, ...options: string[]): Promise<void> {
  const hint = error?.hint ?? assert.fail('no refusal')
  const commands = commandsIn(hint)
  assert.ok(commands.length > 0, hint)
  for (const [name, ...words] of commands) {
    assert.equal(name, 'frameworkd-setup')
    const invocation = await readInvocation(program, words)
    assert.ok('run' in invocation, words.join(' '))
    assert.equal(invocation.given.text('root'), tree)
    // What these two verbs cannot do without.
    if (invocation.verb === 'key export') assert.ok(invocation.given.isSet('to'), hint)
    if (invocation.verb === 'key import') assert.ok(invocation.given.isSet('from'), hint)
  }
  for (const option of options) assert.ok(commands.flat().includes(option), `${option}: ${hint}`)
}

const comparisons: Exclude<Comparison, { kind: 'same' | 'disproved' }>[] = [
  { kind: 'superseded' },
  { kind: 'different', sides: ['file', 'row'] },
  { kind: 'incomparable' },
]

test('every command in a hint about a sealed key can be typed, wherever the sealed key came from', async () => {
  for (const file of [backup, undefined]) {
    const candidate = { key, place: file ?? 'standard input', file }
    const named = file ?? 'FILE'
    for (const comparison of comparisons)
      await assertRuns(
        explainComparison(comparison, candidate, places),
        ...(comparison.kind === 'superseded' ? [] : [named]),
      )
    const refusal = { kind: 'refuse', code: 'key-conflict', sides: ['file'] } as const
    await assertRuns(explainImportRefusal(refusal, candidate, places), named, '--force')
  }
  await assertRuns(keyLost(places, 'there is no backup here'))
})
