/** Import and export of a sealed key, killed at the calls that change anything. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { messageOf } from '../../src/errors.ts'
import { type AgeIdentity, ageOpen, ageSeal, makeIdentity, needsAge } from '../support/age.ts'
import { byExtent, sample } from '../support/extent.ts'
import { keyA, keyFileText, type Sandbox, storeKinds } from '../support/sandbox.ts'
import { callsOfRun } from './support/calls-of-run.ts'
import { testKills } from './support/kill-sweep.ts'
import { Scene, type StartingState } from './support/scene.ts'
import { needsStrace, runWith } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const needsBoth = { skip: needsStrace.skip || needsAge.skip }

const importStates: readonly StartingState[] = (
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
  prepare(sandbox) {
    const identity = makeIdentity(sandbox.path('/operator'))
    const sealed = sandbox.path('/operator/key.age')
    ageSeal(keyFileText(keyA), sealed, identity)
    return ['--from', sealed, '--identity', identity.file]
  },
}))

for (const kind of storeKinds) {
  testKills(kind, importStates, 'key import', needsBoth)

  test(
    `${kind}: killed anywhere, key export leaves a whole file or none, and one more run converges`,
    needsBoth,
    async (t) => {
      const calls = await callsOfRun(kind, exportState())
      const problems: string[] = []
      let kills = 0
      for (const call of sample(calls, byExtent({ sample: 3, all: 5, long: calls.length }))) {
        try {
          const made = { identity: undefined as AgeIdentity | undefined }
          await using scene = await Scene.create(
            kind,
            exportState((identity) => (made.identity = identity)),
          )
          assert.ok(made.identity)
          const before = await scene.sandbox.dump()
          const { code } = await runWith(scene.command, call, 'signal=SIGKILL')
          kills += Number(code === null)
          await assertExported(scene, made.identity)
          assert.equal(await scene.sandbox.dump(), before)
        } catch (error) {
          problems.push(`at ${call.line}: ${messageOf(error)}`)
        }
      }
      startTally('kill sweep').add(`SIGKILL at system calls of key export, ${kind}`, kills)
      t.diagnostic(`${kills} kills`)
      if (problems.length > 0) throw new Error(problems.join('\n'))
    },
  )
}

/** A run that was killed when the file was there already has a successor that leaves that as it is. */
async function assertExported(scene: Scene, identity: AgeIdentity): Promise<void> {
  const { sandbox } = scene
  const file = sandbox.path(exported)
  const found = existsSync(file) ? readFileSync(file) : undefined
  const { code, stderr } = await scene.run()
  assert.equal(code, found ? 1 : 0, stderr)
  if (found) assert.deepEqual(readFileSync(file), found)
  assert.ok(ageOpen(file, identity).startsWith(keyFileText(keyA)), 'the file is not whole')
  const left = readdirSync(join(sandbox.root, 'operator')).filter((name) => name.startsWith('.'))
  assert.deepEqual(left, [], 'left by the interrupted run')
}

const exported = '/operator/exported.age'

function exportState(tell: (identity: AgeIdentity) => void = () => {}): StartingState {
  return {
    name: 'a machine that is set up',
    args: ['key', 'export'],
    hasTable: true,
    cell: { file: 'A', row: 'A', exit: 0, key: 'A' },
    isTypical: true,
    prepare(sandbox: Sandbox) {
      const identity = makeIdentity(sandbox.path('/operator'))
      tell(identity)
      return ['--to', sandbox.path(exported), '--recipient', identity.recipient]
    },
  }
}
