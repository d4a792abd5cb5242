/** SIGUSR1 has Node open its inspector: code of anybody's on this machine, with the key at hand. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemCode } from '../../src/errors.ts'
import { ownCommand } from '../../src/product/own-program.ts'
import { daemonsOf, daemonVerb, provisioned } from '../support/daemon.ts'
import { byExtent, someOf } from '../support/extent.ts'
import { PrivateNetwork } from '../support/network.ts'
import { type Program, programFile } from '../support/programs.ts'
import { notRoot } from '../support/services.ts'

const tries = byExtent({ long: 48, all: 48, sample: 8 })
const roundsDetached = byExtent({ long: 3, all: 3, sample: 2 })
const withinMs = 100
const inspectorPort = 9229

/** The front doors as a shell starts them, and as services and `start` do. */
const commands: Record<string, readonly string[]> = {
  'frameworkd, as npm installs it': [programFile('frameworkd'), 'run'],
  'frameworkd-setup, as npm installs it': [programFile('frameworkd-setup'), '--check'],
  'frameworkd, as a unit starts it': [...unitCommand('frameworkd'), 'run'],
  'frameworkd-setup, as a unit starts it': [...unitCommand('frameworkd-setup'), '--check'],
}

/** What our programs start each other with, but with the program that is tested. */
function unitCommand(name: Program): string[] {
  return [...ownCommand(name).slice(0, -1), programFile(name)]
}

/** Whether anything of the network of a process listens where Node's inspector does. */
function hasInspector(pid: number | undefined): boolean {
  const port = inspectorPort.toString(16).toUpperCase().padStart(4, '0')
  return new RegExp(`: [0-9A-F]{8}:${port} 00000000:0000 0A `).test(readIfThere(`/proc/${pid}/net/tcp`))
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

for (const [what, command] of someOf(Object.entries(commands), 2)) {
  test(`SIGUSR1 at any moment of its first ${withinMs} ms never opens the inspector of ${what}`, {
    skip: notRoot,
  }, async () => {
    using network = await PrivateNetwork.create([])
    for (let count = 0; count < tries / Object.keys(commands).length; count += 1) {
      const [program, ...args] = [...network.prefix, ...command, '--root', '/nowhere']
      const child = spawn(program, args, {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH: `${process.execPath.replace(/\/[^/]*$/, '')}:/usr/bin:/bin` },
      })
      let stderr = ''
      child.stderr.on('data', (text) => (stderr += text))
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
      const sendAt = performance.now() + (withinMs * count * Object.keys(commands).length) / tries
      while (child.exitCode === null && child.signalCode === null) {
        if (performance.now() >= sendAt) child.kill('SIGUSR1')
        assert.equal(hasInspector(child.pid), false)
        await sleep(1)
      }
      await ended
      assert.doesNotMatch(stderr, /Debugger listening/)
    }
  })
}

test('SIGUSR1 never opens the inspector of a daemon that start has detached', { skip: notRoot }, async () => {
  await using sandbox = await provisioned()
  using network = await PrivateNetwork.create([])
  for (let count = 0; count < roundsDetached; count += 1) {
    const [program, ...args] = [...network.prefix, ...unitCommand('frameworkd'), 'start', '--root', sandbox.root]
    const child = spawn(program, args, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } })
    const begun = performance.now()
    while (child.exitCode === null && child.signalCode === null) {
      if (performance.now() >= begun + 30 * count) daemonsOf(sandbox).forEach(askForInspector)
      assert.equal(hasInspector(child.pid), false)
      await sleep(1)
    }
    for (const pid of daemonsOf(sandbox)) assert.equal(hasInspector(pid), false)
    await daemonVerb(sandbox, 'stop')
  }
})

/** Some of them are about to end: a daemon's child, before it becomes another program, looks like the daemon. */
function askForInspector(pid: number): void {
  try {
    process.kill(pid, 'SIGUSR1')
  } catch (error) {
    assert.equal(systemCode(error), 'ESRCH')
  }
}
