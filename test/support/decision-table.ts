import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { extent } from './extent.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, type StoreKind } from './sandbox.ts'

/** What a place holds before. */
type State = 'absent' | 'placeholder' | 'empty' | 'null' | 'blank' | 'damaged' | 'A' | 'B' | 'a'

export interface Cell {
  file: State
  row: State
  /** The key that stored values are encrypted with. */
  values?: 'A' | 'B'
  adopt?: 'file' | 'database' | 'new'
  exit: 0 | 3
  /** The key that both places hold afterwards; `new` for one that neither had. */
  key?: 'A' | 'B' | 'new'
  says?: RegExp
  /** Ends of the names that are kept beside the key file, sorted. */
  kept?: ('damaged' | 'replaced')[]
}

/** What each state of file and row comes to. */
export const cells: readonly Cell[] = [
  { file: 'absent', row: 'absent', exit: 0, key: 'new' },
  { file: 'placeholder', row: 'empty', exit: 0, key: 'new' },
  { file: 'absent', row: 'null', exit: 0, key: 'new' },
  { file: 'absent', row: 'absent', values: 'A', exit: 3, says: /the key is lost/ },
  { file: 'placeholder', row: 'null', values: 'A', exit: 3, says: /the key is lost/ },
  { file: 'absent', row: 'A', exit: 0, key: 'A' },
  { file: 'placeholder', row: 'A', values: 'A', exit: 0, key: 'A' },
  { file: 'absent', row: 'A', values: 'B', exit: 3, says: /decrypts none/ },
  { file: 'absent', row: 'damaged', exit: 3, says: /damaged: row encryption_key/ },
  { file: 'absent', row: 'blank', exit: 3, says: /damaged/ },
  { file: 'A', row: 'absent', exit: 0, key: 'A' },
  { file: 'A', row: 'empty', values: 'A', exit: 0, key: 'A' },
  { file: 'A', row: 'absent', values: 'B', exit: 3, says: /decrypts none/ },
  { file: 'A', row: 'A', exit: 0, key: 'A' },
  { file: 'A', row: 'A', values: 'A', exit: 0, key: 'A' },
  { file: 'A', row: 'A', values: 'B', exit: 0, key: 'A', says: /warning: .*decrypts none/ },
  { file: 'a', row: 'A', exit: 3, says: /different keys/ },
  { file: 'A', row: 'B', exit: 3, says: /different keys/ },
  { file: 'A', row: 'B', values: 'A', exit: 3, says: /--adopt file/ },
  { file: 'A', row: 'B', values: 'B', exit: 3, says: /--adopt database/ },
  { file: 'damaged', row: 'A', exit: 0, key: 'A', kept: ['damaged'] },
  { file: 'empty', row: 'A', values: 'A', exit: 0, key: 'A', kept: ['damaged'] },
  { file: 'damaged', row: 'A', values: 'B', exit: 3, says: /decrypts none/ },
  { file: 'damaged', row: 'absent', exit: 3, says: /damaged/ },
  { file: 'damaged', row: 'damaged', exit: 3, says: /damaged/ },
  { file: 'A', row: 'damaged', exit: 3, says: /--adopt file/ },
  { file: 'A', row: 'B', adopt: 'file', exit: 0, key: 'A', kept: ['replaced'] },
  { file: 'A', row: 'B', adopt: 'database', exit: 0, key: 'B', kept: ['replaced'] },
  { file: 'A', row: 'B', adopt: 'new', exit: 0, key: 'new', kept: ['replaced', 'replaced'] },
  { file: 'A', row: 'damaged', adopt: 'file', exit: 0, key: 'A', kept: ['damaged'] },
  { file: 'A', row: 'damaged', adopt: 'database', exit: 3, says: /damaged/ },
  { file: 'damaged', row: 'damaged', adopt: 'new', exit: 0, key: 'new', kept: ['damaged', 'damaged'] },
  { file: 'absent', row: 'A', values: 'B', adopt: 'database', exit: 0, key: 'A' },
  { file: 'A', row: 'absent', values: 'B', adopt: 'file', exit: 0, key: 'A' },
  { file: 'absent', row: 'absent', values: 'A', adopt: 'new', exit: 0, key: 'new' },
  { file: 'A', row: 'A', values: 'B', adopt: 'new', exit: 0, key: 'A' },
]

/**
 * Walks every cell on one kind of store: on a machine that is new, and on one that was set up before. A sample
 * has a third of the cells, each on one kind of machine and of store; every cell of the decision itself is tested
 * without a machine (test/key/reconcile.test.ts).
 */
export function testDecisionTable(kind: StoreKind): void {
  for (const [index, cell] of [...cells, ...cells].entries()) {
    const isInSample = index % 12 === (kind === 'sqlite' ? 0 : 3) + 7 * Number(index >= cells.length)
    if (extent === 'sample' && !isInSample) continue
    const { file, row, values = 'none', adopt = 'nothing' } = cell
    const wasSetUp = index >= cells.length
    const name = `${kind}: file ${file}, row ${row}, values ${values}, adopt ${adopt}: exit ${cell.exit}`
    test(wasSetUp ? `${name}, on a machine that was set up` : name, async () => {
      await using sandbox = await Sandbox.create(kind, { socket: index % 2 === 0 })
      await arrange(sandbox, cell)
      if (wasSetUp) for (const mark of ['complete', 'lock']) sandbox.write(`/var/lib/frameworkd/setup/${mark}`, '')
      const before = { tree: sandbox.tree(), rows: await sandbox.dump() }
      const args = ['--tags', 'identity', ...(cell.adopt ? ['--adopt', cell.adopt] : [])]

      const checked = await sandbox.setup([...args, '--check', '--diff'])
      assert.deepEqual({ tree: sandbox.tree(), rows: await sandbox.dump() }, before, 'check mode changed something')
      const ended = await sandbox.setup(args)

      assert.equal(ended.code, cell.exit, ended.stderr)
      assert.equal(checked.code, cell.exit, 'check mode says otherwise')
      if (cell.says) assert.match(ended.stdout + ended.stderr, cell.says)
      if (cell.exit !== 0) {
        assert.deepEqual({ tree: sandbox.tree(), rows: await sandbox.dump() }, before, 'a refusal changed something')
        return
      }
      await assertConverged(sandbox, cell)
      assert.match((await sandbox.setup(args)).stdout, /changed=0/)
    })
  }
}

/** Brings a sandbox into the state before a cell's run. */
export async function arrange(sandbox: Sandbox, cell: Cell): Promise<void> {
  const texts: Partial<Record<State, string>> = {
    A: keyA,
    B: keyB,
    a: keyA.toLowerCase(),
    damaged: `${keyA} x`,
    placeholder: 'KEY_VALUE',
  }
  if (cell.file === 'empty') sandbox.write(keyPath, '')
  else if (cell.file !== 'absent') sandbox.write(keyPath, keyFileText(texts[cell.file] ?? ''), 0o400)
  const rowTexts = { ...texts, empty: '', null: null, blank: '   ' }
  if (cell.row !== 'absent') await sandbox.setRow('encryption_key', rowTexts[cell.row as keyof typeof rowTexts] ?? null)
  if (cell.values) await sandbox.addEncrypted(texts[cell.values] ?? '')
}

async function assertConverged(sandbox: Sandbox, cell: Cell): Promise<void> {
  const key = sandbox.keyInFile()
  assert.equal(await sandbox.keyInRow(), key)
  if (cell.key === 'new') {
    assert.match(key ?? '', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/)
    assert.notEqual(key, keyA)
  } else {
    assert.equal(key, cell.key === 'A' ? keyA : keyB)
  }
  assert.equal(sandbox.mode(keyPath), '400')
  const aside = sandbox.keptAside()
  assert.deepEqual(aside.map((name) => name.split('.')[1]?.split('-')[0]).sort(), cell.kept ?? [])
  for (const name of aside) {
    const path = `/etc/ossim/framework/${name}`
    assert.equal(sandbox.mode(path), '400')
    const lost = { A: keyA, B: keyB, damaged: keyA } as const
    const content = sandbox.read(path)
    assert.ok(content === '' || Object.values(lost).some((text) => content.includes(text)), 'what was given up is kept')
  }
  const left = readdirSync(sandbox.path('/etc/ossim/framework')).filter((name) => name.startsWith('.'))
  assert.deepEqual(left, [], 'a temporary file was left')
}
