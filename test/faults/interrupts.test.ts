import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageOf } from '../../src/errors.ts'
import { byExtent, isLong, sample } from '../support/extent.ts'
import { storeKinds } from '../support/sandbox.ts'
import { callsOfRun } from './support/calls-of-run.ts'
import { Scene, startingStates } from './support/scene.ts'
import { needsStrace, runWith } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const
const tally = startTally('interrupts')

const typical = startingStates.filter(({ isTypical }) => isTypical)

for (const kind of storeKinds) {
  for (const state of isLong ? typical : sample(typical, 1)) {
    test(
      `${kind}, ${state.name}: interrupted anywhere, setup ends as asked or done, loses nothing and converges later`,
      needsStrace,
      async () => {
        const calls = await callsOfRun(kind, state)
        const problems: string[] = []
        for (const call of sample(calls, byExtent({ long: 4, all: 3, sample: 2 }))) {
          for (const [signal, exit] of Object.entries(exitCodes).slice(0, byExtent({ long: 3, all: 2, sample: 2 }))) {
            await using scene = await Scene.create(kind, state)
            try {
              const { code, stderr } = await runWith(scene.command, call, `signal=${signal as keyof typeof exitCodes}`)
              // Before it listens for signals, and once it is through, one ends it as it ends any program.
              assert.ok(code === exit || code === 0 || code === null, `exit ${code}: ${stderr}`)
              if (code === exit) assert.match(stderr, /\nhint: /)
              await scene.assertRecovers()
            } catch (error) {
              problems.push(`${signal} at ${call.line}: ${messageOf(error)}`)
            }
            tally.add('SIGINT, SIGTERM, SIGHUP at system calls of setup', 1)
          }
        }
        assert.deepEqual(problems, [])
      },
    )
  }
}
