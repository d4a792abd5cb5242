/** Imports of a sealed key beside each other, beside apply and beside a rotation: one key, or a clear conflict. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsAge } from '../../support/age.ts'
import { arrange, type Cell } from '../../support/decision-table.ts'
import { byExtent } from '../../support/extent.ts'
import { type Ended, ended } from '../../support/programs.ts'
import { keyA, keyB, keyPath, Sandbox, storeKinds } from '../../support/sandbox.ts'
import { keyIn, keyTexts, makeMachines, setup } from '../support/machines.ts'
import { RotationScene } from '../support/rotation-scene.ts'
import { start } from '../support/start.ts'
import { startTally } from '../support/tally.ts'
import { sealKey } from './states.ts'

const tally = startTally('races')
const machines = byExtent({ long: 40, all: 12, sample: 4 })
const rounds = byExtent({ long: 20, all: 3, sample: 1 })

/** One of these codes, and a way out where it is not 0. */
function assertEnded({ code, stderr }: Ended, codes: readonly number[]): void {
  assert.ok(codes.includes(code ?? -1), `exit ${code}: ${stderr}`)
  if (code !== 0) assert.match(stderr, /\nhint: \S/)
}

const rows: readonly Pick<Cell, 'row' | 'values'>[] = [
  { row: 'absent', values: 'A' },
  { row: 'damaged' },
  { row: 'B', values: 'A' },
]
for (const { row, values } of rows) {
  test(
    `${machines} machines that import one key at once, row ${row}, end with it, and what the row held is kept`,
    needsAge,
    async () => {
      await using first = await Sandbox.create('mysql')
      await arrange(first, { file: 'absent', row, ...(values && { values }), exit: 0 })
      const held = (await first.keyInRow()) ?? ''
      const sealed = sealKey(first, keyA)
      const roots = makeMachines(first, machines)
      const importAt = (root: string) => setup(root, 'key', 'import', ...first.flags, ...sealed)
      const ends = await Promise.all(roots.map(importAt))
      for (const [index, end] of ends.entries()) {
        // Whoever saw what another one has replaced meanwhile tries again.
        assertEnded(end, row === 'absent' ? [0] : [0, 75])
        if (end.code !== 0) assertEnded(await importAt(roots[index] as string), [0])
      }
      assert.deepEqual([...new Set([await first.keyInRow(), ...roots.map(keyIn)])], [keyA])
      assert.ok(roots.flatMap(keyTexts).some((text) => text.includes(held)))
      tally.add('imports of one key on machines of one database, at once', machines)
    },
  )
}

for (const values of [undefined, 'A'] as const) {
  test(
    `an import beside the first apply of another machine, values ${values ?? 'none'}: one key, or a conflict`,
    needsAge,
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        await using first = await Sandbox.create('mysql')
        await arrange(first, { file: 'absent', row: 'absent', ...(values && { values }), exit: 0 })
        const sealed = sealKey(first, keyA)
        const [restored = '', other = ''] = makeMachines(first, 2)
        const [imported, applied] = await Promise.all([
          setup(restored, 'key', 'import', ...first.flags, ...sealed),
          setup(other, ...first.flags),
        ])
        // Values need key A: then nobody makes another one.
        assertEnded(imported, values ? [0] : [0, 3])
        assertEnded(applied, values ? [0, 3] : [0])
        const row = await first.keyInRow()
        if (imported.code === 0) assert.equal(row, keyA)
        else assert.equal(existsSync(join(restored, keyPath)), false, 'a file was left by an import that was refused')
        for (const root of [restored, other]) {
          assertEnded(await setup(root, ...first.flags), [0])
          assert.equal(keyIn(root), row)
        }
        assert.equal(await first.keyInRow(), row)
        tally.add('import beside the first apply of another machine', 1)
      }
    },
  )
}

for (const kind of storeKinds) {
  test(`${kind}: an import beside apply on one machine: one of them waits for a later run`, needsAge, async () => {
    for (let round = 0; round < rounds; round += 1) {
      await using sandbox = await Sandbox.create(kind)
      await arrange(sandbox, { file: 'damaged', row: 'B', values: 'A', exit: 0 })
      const args = ['key', 'import', ...sandbox.flags, ...sealKey(sandbox, keyA)]
      const [imported, applied] = await Promise.all([
        setup(sandbox.root, ...args),
        setup(sandbox.root, ...sandbox.flags),
      ])
      assertEnded(imported, [0, 75])
      assertEnded(applied, [0, 3, 75])
      if (imported.code !== 0) assertEnded(await setup(sandbox.root, ...args), [0])
      assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [keyA, keyA])
      assert.ok(keyTexts(sandbox.root).some((text) => text.includes(keyB)))
      tally.add(`import beside apply on one machine, ${kind}`, 1)
    }
  })

  test(`${kind}: an import of the key that a rotation replaces, on one machine, loses no value`, needsAge, async () => {
    for (let round = 0; round < rounds; round += 1) {
      await using scene = await RotationScene.create(kind)
      const { sandbox } = scene
      const sealed = sealKey(sandbox, keyA)
      const [imported, rotated] = await Promise.all([
        setup(sandbox.root, 'key', 'import', ...sandbox.flags, ...sealed),
        ended(start(scene.command)),
      ])
      assertEnded(imported, [0, 3, 75])
      assertEnded(rotated, [0, 75])
      await scene.assertConverges('apply')
      tally.add(`import beside a rotation on one machine, ${kind}`, 1)
    }
  })
}

test(
  'an import of the key that another machine replaces: no value is lost, and one apply brings it forward',
  needsAge,
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      await using scene = await RotationScene.create('mysql')
      const { sandbox } = scene
      const sealed = sealKey(sandbox, keyA)
      const [restored = ''] = makeMachines(sandbox, 1)
      const [imported, rotated] = await Promise.all([
        setup(restored, 'key', 'import', ...sandbox.flags, ...sealed),
        ended(start(scene.command)),
      ])
      assertEnded(imported, [0, 3, 75])
      assertEnded(rotated, [0])
      await scene.assertConverges('apply')
      assertEnded(await setup(restored, ...sandbox.flags), [0])
      assert.equal(keyIn(restored), await sandbox.keyInRow())
      tally.add('import beside a rotation of another machine', 1)
    }
  },
)

test(
  'an import by force beside a rotation of another machine: one key in the row, and no key is lost',
  needsAge,
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      await using sandbox = await Sandbox.create('mysql')
      await arrange(sandbox, { file: 'A', row: 'A', exit: 0 })
      const sealed = sealKey(sandbox, keyB)
      const [restored = ''] = makeMachines(sandbox, 1)
      const [imported, rotated] = await Promise.all([
        setup(restored, 'key', 'import', '--force', ...sandbox.flags, ...sealed),
        setup(sandbox.root, 'key', 'rotate', ...sandbox.flags, '--yes', '--no-backup', '--no-second-look'),
      ])
      assertEnded(imported, [0, 3, 75])
      assertEnded(rotated, [0, 3, 75])
      const row = (await sandbox.keyInRow()) ?? ''
      const kept = [sandbox.root, restored].flatMap(keyTexts).join()
      assert.ok(kept.includes(keyA), 'the first key is lost')
      assert.ok(kept.includes(row), 'no machine holds the key of the row')
      assert.ok(imported.code !== 0 || kept.includes(keyB), 'the key that was imported is lost')
      tally.add('import by force beside a rotation of another machine', 1)
    }
  },
)
