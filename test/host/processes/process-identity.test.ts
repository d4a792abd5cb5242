import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identifyProcess, isAlive } from '../../../src/host/processes/process-identity.ts'

const otherBoot = '00000000-0000-4000-8000-000000000000'

test('a process that sees another boot id than we do is still known as the one that it says it is', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-boot-'))
  writeFileSync(join(folder, 'boot_id'), `${otherBoot}\n`)
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && echo there && exec sleep 60'
  const child = spawn('unshare', ['--mount', 'sh', '-c', script, join(folder, 'boot_id')], { stdio: 'pipe' })
  try {
    await once(child.stdout, 'data')
    const seen = identifyProcess(child.pid ?? 0)
    assert.ok(seen)
    assert.equal(isAlive(seen), true)
    assert.equal(isAlive({ ...seen, bootId: otherBoot }), true)
    assert.equal(isAlive({ ...seen, bootId: otherBoot.replace('4', '5') }), false)
    assert.equal(isAlive({ ...seen, bootId: otherBoot, startTime: '1' }), false)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(folder, { recursive: true })
  }
})
