import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from '../../src/key/encrypted-values.ts'
import { Key } from '../../src/key/key.ts'
import type { KeyState } from '../../src/key/key-file.ts'
import { compareSealedKey, decideImport } from '../../src/key/sealed-key-decision.ts'
import { keyA, keyB } from '../support/sandbox.ts'

type State = 'absent' | 'damaged' | 'G' | 'A' | 'B'

const sealed = keyOf('0F0F0F0F-1111-2222-3333-444455556666')
const states: Record<State, KeyState> = {
  absent: { kind: 'absent' },
  damaged: { kind: 'damaged', reason: 'any' },
  G: { kind: 'good', key: sealed },
  A: { kind: 'good', key: keyOf(keyA) },
  B: { kind: 'good', key: keyOf(keyB) },
}
const names = Object.keys(states) as State[]
const verdicts = ['proven', 'disproved', 'unknown'] as const

/** The places as one word each, or the code of a refusal with the sides that stand against it. */
function decide(file: State, row: State, verdictOf: (name: State) => Verdict, force = false): string {
  const decision = decideImport(sealed, states[file], states[row], proofOf(verdictOf), force)
  if (decision.kind === 'refuse')
    return decision.code === 'key-conflict' ? `${decision.code} ${decision.sides.join()}` : decision.code
  const word = (placement: typeof decision.file) =>
    placement.kind === 'replace' ? placement.aside : placement.kind === 'keep' ? 'keep' : 'fill'
  return `${word(decision.file)} ${word(decision.row)}`
}

function proofOf(verdictOf: (name: State) => Verdict, superseded: State[] = []) {
  const nameOf = (key: Key) =>
    names.find((name) => {
      const state = states[name]
      return state.kind === 'good' && state.key.equals(key)
    })
  return {
    hasValues: true,
    verdictOn: (key: Key) => verdictOf(nameOf(key) ?? 'G'),
    isSuperseded: (key: Key) => superseded.includes(nameOf(key) ?? 'G'),
  }
}

/** What the stored values say: of the sealed key, of every other. */
const proofs: Record<string, (name: State) => Verdict> = {
  'nothing is known': () => 'unknown',
  'G is proven, the others are not known': (name) => (name === 'G' ? 'proven' : 'unknown'),
  'G is proven, the others are disproved': (name) => (name === 'G' ? 'proven' : 'disproved'),
  'G is not known, the others are disproved': (name) => (name === 'G' ? 'unknown' : 'disproved'),
}

/** Without another good key in place, every proof but a disproof of G comes to the same. */
const withoutOthers: [file: State, row: State, decision: string][] = [
  ['absent', 'absent', 'fill fill'],
  ['absent', 'damaged', 'fill damaged'],
  ['absent', 'G', 'fill keep'],
  ['damaged', 'absent', 'damaged fill'],
  ['damaged', 'damaged', 'damaged damaged'],
  ['damaged', 'G', 'damaged keep'],
  ['G', 'absent', 'keep fill'],
  ['G', 'damaged', 'keep damaged'],
  ['G', 'G', 'keep keep'],
]

for (const [file, row, decision] of withoutOthers) {
  test(`file ${file}, row ${row}: an import comes to ${decision}`, () => {
    for (const verdictOf of Object.values(proofs))
      for (const force of [false, true]) assert.equal(decide(file, row, verdictOf, force), decision)
  })
}

/** With another good key: the sides that refuse it, and what comes of it where they give way. */
const withOthers: [file: State, row: State, sides: string, decision: string][] = [
  ['A', 'absent', 'file', 'replaced fill'],
  ['A', 'damaged', 'file', 'replaced damaged'],
  ['A', 'G', 'file', 'replaced keep'],
  ['A', 'A', 'file,row', 'replaced replaced'],
  ['A', 'B', 'file,row', 'replaced replaced'],
  ['absent', 'A', 'row', 'fill replaced'],
  ['damaged', 'A', 'row', 'damaged replaced'],
  ['G', 'A', 'row', 'keep replaced'],
]

for (const [file, row, sides, decision] of withOthers) {
  test(`file ${file}, row ${row}: another good key stays, unless it is disproved and G proven, or by force`, () => {
    for (const [name, verdictOf] of Object.entries(proofs)) {
      const isAllowed = name === 'G is proven, the others are disproved'
      assert.equal(decide(file, row, verdictOf), isAllowed ? decision : `key-conflict ${sides}`, name)
      assert.equal(decide(file, row, verdictOf, true), decision, `${name}, by force`)
    }
  })
}

test('of two other keys, the one that is not disproved stays', () => {
  const verdictOf = (name: State) => (name === 'G' ? 'proven' : name === 'A' ? 'disproved' : 'unknown')
  assert.equal(decide('A', 'B', verdictOf), 'key-conflict row')
  assert.equal(decide('B', 'A', verdictOf), 'key-conflict file')
})

test('a file whose key was replaced in a rotation gives way to the key of the row, and to no other', () => {
  const proof = proofOf(() => 'unknown', ['A'])
  const decide = (row: State) => decideImport(sealed, states.A, states[row], proof, false).kind
  assert.deepEqual([decide('G'), decide('B'), decide('absent')], ['put', 'refuse', 'refuse'])
})

test('the backup of a key that was replaced in a rotation is told as that', () => {
  const proof = proofOf(() => 'disproved', ['G'])
  assert.equal(compareSealedKey(sealed, states.A, states.A, proof).kind, 'superseded')
})

test('a sealed key that stored values disprove is put nowhere, whatever is in place, by force neither', () => {
  for (const file of names)
    for (const row of names)
      for (const others of verdicts)
        for (const force of [false, true])
          assert.equal(
            decide(file, row, (name) => (name === 'G' ? 'disproved' : others), force),
            'key-disproved',
          )
})

test('every state of file and row has a decision of one of these kinds', () => {
  const tried = new Set([...withoutOthers, ...withOthers].map(([file, row]) => `${file} ${row}`))
  const all = names.flatMap((file) => names.map((row) => `${file} ${row}`))
  const mirrored = (state: string) => state.replaceAll('A', '#').replaceAll('B', 'A').replaceAll('#', 'B')
  assert.deepEqual(
    all.filter((state) => !tried.has(state) && !tried.has(mirrored(state))),
    [],
  )
})

const comparisons: [file: State, row: State, of: Verdict, kind: string][] = [
  ['G', 'G', 'unknown', 'same'],
  ['G', 'G', 'proven', 'same'],
  ['G', 'G', 'disproved', 'disproved'],
  ['G', 'absent', 'unknown', 'same'],
  ['damaged', 'G', 'unknown', 'same'],
  ['G', 'A', 'proven', 'different'],
  ['A', 'A', 'proven', 'different'],
  ['A', 'absent', 'unknown', 'different'],
  ['absent', 'absent', 'proven', 'same'],
  ['absent', 'absent', 'unknown', 'incomparable'],
  ['damaged', 'damaged', 'unknown', 'incomparable'],
  ['absent', 'absent', 'disproved', 'disproved'],
]

for (const [file, row, verdict, kind] of comparisons) {
  test(`file ${file}, row ${row}, G ${verdict}: a verification comes to "${kind}"`, () => {
    assert.equal(
      compareSealedKey(
        sealed,
        states[file],
        states[row],
        proofOf(() => verdict),
      ).kind,
      kind,
    )
  })
}

function keyOf(text: string): Key {
  const key = Key.parse(text)
  assert.ok(key)
  return key
}
