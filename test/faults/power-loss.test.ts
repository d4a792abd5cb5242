/**
 * What a power cut leaves. The order of calls is checked on a trace; then setup is cut off before
 * each of its syncs on a file system of its own, and what the device holds at that moment, without
 * what the kernel still had in memory, is mounted and looked at.
 */
import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import { byExtent, sample } from '../support/extent.ts'
import { storeKinds } from '../support/sandbox.ts'
import { testPowerCuts } from './support/power-cut.ts'
import { Scene, startingStates } from './support/scene.ts'
import { type Call, needsStrace, traceCalls } from './support/strace.ts'

const typical = startingStates.filter(({ isTypical }) => isTypical)

for (const kind of storeKinds) {
  test(
    `${kind}: what is renamed was synced before, its folder after it, and the result is written last`,
    needsStrace,
    async () => {
      for (const state of byExtent({ long: startingStates, all: sample(typical, 2), sample: sample(typical, 1) })) {
        await using scene = await Scene.create(kind, state)
        const { root } = scene.sandbox
        const calls = await traceCalls(scene.command, root)
        const placed = calls.filter(({ name }) => /^(rename|link)/.test(name))
        assert.ok(placed.length > 0)
        for (const call of placed) assertDurable(call, calls)
        for (const call of calls.filter(({ name }) => name === 'mkdir')) assertFolderSynced(call, calls)
        // After the result there is only the mark of a first boot that is over.
        const last = placed.filter(({ line }) => !line.includes('/complete"')).at(-1)
        assert.match(last?.line ?? '', /result\.json/)
        assert.ok(placed.indexOf(last as Call) >= placed.length - 2)
        const told = calls.filter(({ line }) => /^write\(1</.test(line))
        const lastKeyWork = calls.findLastIndex(({ line }) => line.includes('db_encryption_key'))
        // One line a task; that of the key comes after its last work, and the sync of the folder is part of it.
        assert.ok(told.some((call) => calls.indexOf(call) > lastKeyWork))
      }
    },
  )
}

/** rename("/proc/self/fd/24/.x.frameworkd-new", …): a sync of that file before, one of the folder after, and nothing told between. */
function assertDurable(call: Call, calls: readonly Call[]): void {
  const at = calls.indexOf(call)
  const temporary = /"([^"]+)"/.exec(call.line)?.[1] ?? ''
  const name = basename(temporary)
  const before = calls.slice(0, at).filter(({ line }) => line.includes(`/${name}>`))
  const folder = dirname(/<([^>]+)>/.exec(before.at(-1)?.line ?? '')?.[1] ?? '')
  assert.equal(before.at(-1)?.name, 'fsync', `not synced before: ${call.line}`)
  const next = calls.slice(at + 1).find(({ name: other }) => /^(fsync|write|rename)/.test(other))
  assert.equal(next?.name, 'fsync', `its folder is not synced next: ${call.line}`)
  assert.ok(next.line.includes(`<${folder}>`), `another folder is synced: ${next.line}`)
}

function assertFolderSynced(call: Call, calls: readonly Call[]): void {
  const name = basename(/"([^"]+)"/.exec(call.line)?.[1] ?? '')
  const later = calls.slice(calls.indexOf(call) + 1).filter(({ name: other }) => other === 'fsync')
  const own = later.find(({ line }) => line.includes(`/${name}>`))
  assert.ok(own, `not synced: ${call.line}`)
  const parent = dirname(/<([^>]+)>/.exec(own.line)?.[1] ?? '')
  assert.ok(
    later.some(({ line }) => line.includes(`<${parent}>`)),
    `its parent is not synced: ${call.line}`,
  )
}

for (const kind of storeKinds) testPowerCuts(kind)
