/** The contract's table of file and row, every cell of it, with each thing that stored values can say and each adoption. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Key } from '../../src/key/key.ts'
import type { KeyState } from '../../src/key/key-file.ts'
import { type Adoption, type Decision, type Proof, reconcile } from '../../src/key/reconcile.ts'
import { keyA, keyB } from '../support/sandbox.ts'

const keys = { A: Key.parse(keyA) as Key, B: Key.parse(keyB) as Key }
const states: Record<'absent' | 'damaged' | 'A' | 'B', KeyState> = {
  absent: { kind: 'absent' },
  damaged: { kind: 'damaged', reason: 'it is empty' },
  A: { kind: 'good', key: keys.A },
  B: { kind: 'good', key: keys.B },
}

/** What stored values say: there are none, they prove nothing, or they prove this key and disprove the other. */
const values = ['none', 'undecided', 'A', 'B'] as const
/** Or they disprove both: only a rotation with --leave-undecryptable leads to more than `keep` from there. */
type StoredValues = (typeof values)[number] | 'neither'

function proofOf(stored: StoredValues, superseded: readonly Key[] = []): Proof {
  return {
    hasValues: stored !== 'none',
    verdictOn: (key) => {
      if (stored === 'none' || stored === 'undecided') return 'unknown'
      return stored !== 'neither' && key.equals(keys[stored]) ? 'proven' : 'disproved'
    },
    isSuperseded: (key) => superseded.some((old) => old.equals(key)),
  }
}

interface Cell {
  file: keyof typeof states
  row: keyof typeof states
  values: readonly StoredValues[]
  decision: string
  /** What an adoption makes of it, where that is another decision. */
  adopt?: Partial<Record<Adoption, string>>
}

/** Of A in the file and B in the row. */
const choiceInConflict = {
  file: 'copy A to the row, its value aside as replaced',
  database: 'copy B to the file, which goes aside as replaced',
  new: 'replace both',
}

const cells: readonly Cell[] = [
  { file: 'absent', row: 'absent', values: ['none'], decision: 'generate' },
  {
    file: 'absent',
    row: 'absent',
    values: ['undecided', 'A', 'B'],
    decision: 'recover',
    adopt: { new: 'recover, or accept the loss' },
  },

  { file: 'absent', row: 'A', values: ['none', 'undecided', 'A'], decision: 'copy A to the file' },
  {
    file: 'absent',
    row: 'A',
    values: ['B'],
    decision: 'refuse: the key of the row is disproved',
    adopt: { database: 'copy A to the file', new: 'replace both' },
  },
  {
    file: 'absent',
    row: 'damaged',
    values,
    decision: 'refuse: row damaged (it is empty)',
    adopt: { new: 'replace both' },
  },

  { file: 'A', row: 'absent', values: ['none', 'undecided', 'A'], decision: 'claim the row with A' },
  {
    file: 'A',
    row: 'absent',
    values: ['B'],
    decision: 'refuse: the key of the file is disproved',
    adopt: { file: 'claim the row with A', new: 'replace both' },
  },

  { file: 'A', row: 'A', values: ['none', 'undecided', 'A'], decision: 'keep A' },
  { file: 'A', row: 'A', values: ['B'], decision: 'keep A, which is disproved' },

  {
    file: 'A',
    row: 'B',
    values: ['none', 'undecided'],
    decision: 'refuse: conflict, file unknown, row unknown',
    adopt: choiceInConflict,
  },
  {
    file: 'A',
    row: 'B',
    values: ['A'],
    decision: 'refuse: conflict, file proven, row disproved',
    adopt: choiceInConflict,
  },
  {
    file: 'A',
    row: 'B',
    values: ['B'],
    decision: 'refuse: conflict, file disproved, row proven',
    adopt: choiceInConflict,
  },

  {
    file: 'damaged',
    row: 'A',
    values: ['none', 'undecided', 'A'],
    decision: 'copy A to the file, which goes aside as damaged',
  },
  {
    file: 'damaged',
    row: 'A',
    values: ['B'],
    decision: 'refuse: the key of the row is disproved',
    adopt: { database: 'copy A to the file, which goes aside as damaged', new: 'replace both' },
  },
  {
    file: 'damaged',
    row: 'absent',
    values,
    decision: 'refuse: file damaged (it is empty)',
    adopt: { new: 'replace both' },
  },
  {
    file: 'damaged',
    row: 'damaged',
    values,
    decision: 'refuse: file damaged (it is empty), row damaged (it is empty)',
    adopt: { new: 'replace both' },
  },
  {
    file: 'A',
    row: 'damaged',
    values,
    decision: 'refuse: row damaged (it is empty)',
    adopt: { file: 'copy A to the row, its value aside as damaged', new: 'replace both' },
  },
]

/** A decision as one line, with all that it holds. */
function lineOf(decision: Decision): string {
  switch (decision.kind) {
    case 'keep':
      return `keep ${nameOf(decision.key)}${decision.disproved ? ', which is disproved' : ''}`
    case 'copy-to-file':
      return `copy ${nameOf(decision.key)} to the file${decision.aside ? `, which goes aside as ${decision.aside}` : ''}${decision.superseded ? `, ${nameOf(decision.superseded)} is superseded` : ''}`
    case 'claim-row':
      return `claim the row with ${nameOf(decision.key)}`
    case 'copy-to-row':
      return `copy ${nameOf(decision.key)} to the row, its value aside as ${decision.aside}`
    case 'generate':
      return 'generate'
    case 'recover':
      return decision.acceptLoss ? 'recover, or accept the loss' : 'recover'
    case 'replace-both':
      return 'replace both'
    case 'refuse':
      return `refuse: ${lineOfRefusal(decision.refusal)}`
  }
}

function lineOfRefusal(refusal: Extract<Decision, { kind: 'refuse' }>['refusal']): string {
  switch (refusal.code) {
    case 'key-conflict':
      return `conflict, file ${refusal.file}, row ${refusal.row}`
    case 'key-disproved':
      return `the key of the ${refusal.where} is disproved`
    case 'key-damaged':
      return (['file', 'row'] as const)
        .flatMap((place) => (refusal[place] === undefined ? [] : [`${place} damaged (${refusal[place]})`]))
        .join(', ')
  }
}

function nameOf(key: Key): string {
  return key.equals(keys.A) ? 'A' : 'B'
}

for (const { file, row, values, decision, adopt = {} } of cells) {
  for (const stored of values) {
    for (const adoption of [undefined, 'file', 'database', 'new'] as const) {
      const wanted = (adoption && adopt[adoption]) ?? decision
      const given = adoption ? `, --adopt ${adoption}` : ''
      test(`file ${file}, row ${row}, stored values: ${stored}${given}: ${wanted}`, () => {
        assert.equal(lineOf(reconcile(states[file], states[row], proofOf(stored), adoption)), wanted)
      })
    }
  }
}

test('the table has every state once', () => {
  const listed = cells.flatMap(({ file, row, values }) => values.map((stored) => `${file} ${row} ${stored}`))
  const places = ['absent', 'damaged', 'A'] as const
  const pairs = [...places.flatMap((file) => places.map((row) => [file, row] as const)), ['A', 'B'] as const]
  const wanted = pairs.flatMap(([file, row]) => values.map((stored) => `${file} ${row} ${stored}`))
  assert.deepEqual(listed.sort(), wanted.sort())
})

/** File A, whose key a rotation has replaced by B, beside each row. */
const superseded: readonly [row: keyof typeof states, values: readonly StoredValues[], decision: string][] = [
  ['B', ['none', 'undecided', 'B', 'neither'], 'copy B to the file, which goes aside as replaced, A is superseded'],
  ['B', ['A'], 'refuse: conflict, file proven, row disproved'],
  ['A', ['none', 'undecided', 'A'], 'keep A'],
  ['absent', ['none', 'undecided', 'A'], 'claim the row with A'],
  ['absent', ['B'], 'refuse: the key of the file is disproved'],
  ['damaged', values, 'refuse: row damaged (it is empty)'],
]

for (const [row, values, wanted] of superseded) {
  for (const stored of values) {
    test(`file A, superseded, row ${row}, stored values: ${stored}: ${wanted}`, () => {
      assert.equal(lineOf(reconcile(states.A, states[row], proofOf(stored, [keys.A]))), wanted)
    })
  }
}

test('no adoption brings a superseded key back', () => {
  for (const adoption of ['file', 'database', 'new'] as const) {
    for (const stored of ['B', 'neither'] as const) {
      const decision = reconcile(states.A, states.B, proofOf(stored, [keys.A]), adoption)
      assert.equal(lineOf(decision), 'copy B to the file, which goes aside as replaced, A is superseded')
    }
  }
})

test('values that disprove both keys decide nothing where no rotation has replaced one by the other', () => {
  assert.equal(
    lineOf(reconcile(states.A, states.B, proofOf('neither'))),
    'refuse: conflict, file disproved, row disproved',
  )
})

test('keys that differ in letter case alone are different keys', () => {
  const lower: KeyState = { kind: 'good', key: keys.A.inLowerCase() }
  const decision = reconcile(lower, states.A, proofOf('A'))
  assert.equal(lineOf(decision), 'refuse: conflict, file disproved, row proven')
})
