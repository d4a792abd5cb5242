/** The daemon is killed, stormed with signals, besieged by clients that do nothing, and started and stopped again and again. */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { provisioned, stop, talk } from '../support/daemon.ts'
import { byExtent, sample } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { programFile } from '../support/programs.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { start } from './support/start.ts'
import { type Call, injecting, needsStrace, traceCalls } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally('daemon')

const log = '/var/log/ossim/frameworkd.log'

async function commandFor(sandbox: Sandbox): Promise<{ command: readonly string[]; port: number }> {
  const port = await freePort()
  const args = ['run', '--root', sandbox.root, '--port', String(port)]
  return { command: [process.execPath, programFile('frameworkd'), ...args], port }
}

/** Starts it and waits until it serves, or has ended. */
async function startServing(command: readonly string[]): Promise<ChildProcess> {
  const child = start(command)
  const { promise, resolve } = Promise.withResolvers<void>()
  child.stderr?.on('data', (text) => /Listening on/.test(String(text)) && resolve())
  child.once('exit', () => resolve())
  await promise
  return child
}

/** The next start works, whatever the last one left. */
async function assertStarts(sandbox: Sandbox): Promise<void> {
  const { command, port } = await commandFor(sandbox)
  const child = await startServing(command)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
}

test('killed at any point of its start, the next start works', needsStrace, async () => {
  await using sandbox = await provisioned()
  const { command } = await commandFor(sandbox)
  const kills = byExtent({ long: 100, all: 4, sample: 2 })
  for (const call of sample(await callsOfStart(command, sandbox), kills)) {
    const child = await startServing(injecting(command, call, 'signal=SIGKILL'))
    // One that got to serve before the call came is killed now; strace is its parent, and ends with it.
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      killIfThere(Number(sandbox.read('/run/frameworkd/frameworkd.pid')))
      await ended
    }
    await assertStarts(sandbox)
  }
  tally.add('SIGKILL at system calls of its start', kills)
})

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The call has come meanwhile.
  }
}

/** A start that is ended as soon as it serves. */
async function callsOfStart(command: readonly string[], sandbox: Sandbox): Promise<Call[]> {
  const ending = until(() => /Listening on/.test(readIfThere(sandbox, log))).then(() =>
    process.kill(Number(sandbox.read('/run/frameworkd/frameworkd.pid')), 'SIGTERM'),
  )
  const calls = await traceCalls(command, sandbox.root)
  await ending
  return calls
}

for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
  test(`killed at any moment after ${signal}, the next start works`, async () => {
    await using sandbox = await provisioned()
    const kills = byExtent({ long: 50, all: 3, sample: 1 })
    for (let kill = 0; kill < kills; kill += 1) {
      const child = await startServing((await commandFor(sandbox)).command)
      child.kill(signal)
      await sleep(((kill + Math.random()) / kills) * 60)
      if (child.exitCode === null) await stop(child, 'SIGKILL')
      await assertStarts(sandbox)
    }
    tally.add(`SIGKILL soon after ${signal}`, kills)
  })
}

test('storms of signals are survived, and the end is the usual one', async () => {
  await using sandbox = await provisioned()
  const { command, port } = await commandFor(sandbox)
  const child = await startServing(command)
  const storms = {
    SIGHUP: byExtent({ long: 200_000, all: 2000, sample: 1000 }),
    SIGUSR2: byExtent({ long: 4000, all: 400, sample: 400 }),
  } as const
  for (const [signal, count] of Object.entries(storms)) {
    for (let sent = 0; sent < count; sent += 1) {
      process.kill(child.pid ?? 0, signal)
      // The kernel joins signals of a kind that are not taken yet: most are to be seen.
      if (sent % 500 === 0) assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
    }
    tally.add(`${signal} in a storm`, count)
  }
  const terms = byExtent({ long: 1000, all: 100, sample: 100 })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (let sent = 0; sent < terms; sent += 1) child.kill('SIGTERM')
  assert.equal(await ended, 0)
  tally.add('SIGTERM in a storm', terms)
})

test('clients that send half a line and wait delay nobody', async () => {
  await using sandbox = await provisioned()
  const { command, port } = await commandFor(sandbox)
  const child = await startServing(command)
  const count = byExtent({ long: 5000, all: 200, sample: 200 })
  const clients: Socket[] = []
  for (let index = 0; index < count; index += 1) {
    const localAddress = `127.${(index % 200) + 1}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`
    const client = connect({ port, host: '127.0.0.1', localAddress })
    client.on('error', () => {}).on('connect', () => client.write('pi'))
    clients.push(client)
    if (index % 100 === 0) assert.equal(await talk(port, ['ping\n'], 1), 'pong\n', `with ${index} clients`)
  }
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  for (const client of clients) client.destroy()
  assert.equal(await stop(child), 0)
  tally.add('slow clients at a time', count)
})

test('a full disk under the logs stops nothing, and the loss is told when there is room again', {
  skip: process.getuid?.() !== 0 && 'a mount needs root',
}, async (t) => {
  await using sandbox = await provisioned()
  const folder = sandbox.path('/var/log/ossim')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=755', 'none', folder])
  } catch {
    return t.skip('mounts are not allowed here')
  }
  try {
    const filler = `${folder}/filler`
    assert.throws(() => writeFileSync(filler, Buffer.alloc(1024 * 1024)), /ENOSPC/)
    const { command, port } = await commandFor(sandbox)
    const child = await startServing(command)
    assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
    assert.equal(sandbox.read(log), '')
    rmSync(filler)
    assert.equal(await stop(child), 0)
    assert.match(sandbox.read(log), /\d+ log lines were lost/)
    tally.add('starts on a full disk', 1)
  } finally {
    execFileSync('umount', ['-l', folder])
  }
})

test('cycles of start and stop leave no process, file or descriptor', async () => {
  await using sandbox = await provisioned()
  await assertStarts(sandbox)
  const { command } = await commandFor(sandbox)
  const before = { files: filesOf(sandbox), descriptors: readdirSync('/proc/self/fd').length }
  const cycles = byExtent({ long: 10_000, all: 10, sample: 3 })
  const cycle = async () => {
    const child = await startServing(command)
    assert.equal(await stop(child), 0)
  }
  for (let done = 0; done < cycles; done += 1) await cycle()
  assert.deepEqual(filesOf(sandbox), before.files)
  assert.ok(readdirSync('/proc/self/fd').length <= before.descriptors + 2)
  assert.equal(isRunning(sandbox), false)
  tally.add('start and stop', cycles)
})

function filesOf(sandbox: Sandbox): string[] {
  return readdirSync(sandbox.root, { recursive: true, encoding: 'utf8' }).sort()
}

/** Whether any process works on this root. */
function isRunning(sandbox: Sandbox): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`run\0--root\0${sandbox.root}`)
      )
    } catch {
      return false
    }
  })
}

function readIfThere(sandbox: Sandbox, path: string): string {
  try {
    return sandbox.read(path)
  } catch {
    return ''
  }
}
