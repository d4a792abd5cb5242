/** Machines on which a sealed key is imported, or the key exported, and what has to be true of them afterwards. */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { ageOpen, ageSeal, makeIdentity, needsAge } from '../../support/age.ts'
import { keyA, keyFileText, type Sandbox } from '../../support/sandbox.ts'
import type { Scene, StartingState } from '../support/scene.ts'
import { needsStrace } from '../support/strace.ts'

/** For tests. */
export const needsAgeAndStrace = { skip: needsStrace.skip || needsAge.skip }

const operator = '/operator'
const identityFile = `${operator}/identity.txt`
const exported = `${operator}/exported.age`

/** Key A comes from outside: to a machine that has nothing, to damaged places, over a key that is disproved. */
export const importStates: readonly StartingState[] = (
  [
    { file: 'absent', row: 'absent', values: 'A' },
    { file: 'B', row: 'B', values: 'A' },
    { file: 'damaged', row: 'damaged' },
    { file: 'absent', row: 'B', values: 'A' },
    { file: 'A', row: 'damaged' },
  ] as const
).map((places) => ({
  name: `file ${places.file}, row ${places.row}`,
  args: ['key', 'import'],
  hasTable: true,
  cell: { ...places, exit: 0, key: 'A' },
  isTypical: true,
  prepare: (sandbox) => sealKey(sandbox, keyA),
}))

/** @returns the arguments that import the key */
export function sealKey(sandbox: Sandbox, key: string): string[] {
  const identity = makeIdentity(sandbox.path(operator))
  const sealed = sandbox.path(`${operator}/key.age`)
  ageSeal(keyFileText(key), sealed, identity)
  return ['--from', sealed, '--identity', identity.file]
}

/** Key A is exported, from a machine where it is in place. */
export const exportState: StartingState = {
  name: 'a machine that is set up',
  args: ['key', 'export'],
  hasTable: true,
  cell: { file: 'A', row: 'A', values: 'A', exit: 0, key: 'A' },
  isTypical: true,
  prepare(sandbox) {
    const { recipient } = makeIdentity(sandbox.path(operator))
    return ['--to', sandbox.path(exported), '--recipient', recipient]
  },
  recovers: assertExported,
}

/**
 * There is a whole file or none, and one more run leaves one and nothing else. A file that is there is left as it
 * is: a run that was interrupted after that has a successor which says so, with 1.
 */
async function assertExported(scene: Scene): Promise<void> {
  const { sandbox } = scene
  const file = sandbox.path(exported)
  const found = existsSync(file) ? readFileSync(file) : undefined
  const { code, stderr } = await scene.run()
  assert.equal(code, found ? 1 : 0, stderr)
  if (found) assert.deepEqual(readFileSync(file), found)
  assert.ok(ageOpen(file, { file: sandbox.path(identityFile) }).startsWith(keyFileText(keyA)), 'the file is not whole')
  assert.equal(lstatSync(file).mode & 0o7777, 0o400)
  const left = readdirSync(sandbox.path(operator)).filter((name) => name.startsWith('.'))
  assert.deepEqual(left, [], 'left by the interrupted run')
  await scene.assertStoreAsBefore()
}
