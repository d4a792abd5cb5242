/**
 * OSSIM's own tools at work at the same time as ours. They are IMITATIONS, made for these tests from what is known
 * of what the tools do: which files and rows they write, in which order, with which formats and modes. None of
 * them takes a lock. Whatever the order of their steps and ours, one more run ends with one key in both places, or
 * with exit code 3 and nothing lost.
 */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { messageOf } from '../../src/errors.ts'
import { byExtent, sample } from '../support/extent.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox } from '../support/sandbox.ts'
import { runPausedAt } from './support/paused-run.ts'
import { start } from './support/start.ts'
import { type Call, needsStrace, traceCalls } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally("beside OSSIM's tools")
const isRoot = process.getuid?.() === 0
const alienvault = 111

type Step = (sandbox: Sandbox) => Promise<void> | void

interface Tool {
  name: string
  steps: readonly Step[]
  /** What is there before either begins. */
  prepare?: Step
  /** Every key that may be there in the end; undefined where ours is made anew. */
  keys?: readonly string[]
  /** Whether two keys may be left, for a person to decide. */
  mayConflict: boolean
}

const systemId = keyA.toLowerCase()

const tools: readonly Tool[] = [
  {
    name: 'prepare-db.sh, on a machine without a key',
    mayConflict: true,
    steps: [(sandbox) => sandbox.setRow('encryption_key', systemId), writeTwoLines],
  },
  {
    name: 'prepare-db.sh, where its own key was set up before',
    keys: [systemId],
    mayConflict: false,
    prepare: async (sandbox) => {
      await sandbox.setRow('encryption_key', systemId)
      writeTwoLines(sandbox)
    },
    steps: [(sandbox) => sandbox.setRow('encryption_key', systemId), writeTwoLines],
  },
  {
    name: 'Avconfig, which gives the folder of the key to the account',
    keys: [keyA],
    mayConflict: false,
    prepare: (sandbox) => sandbox.setRow('encryption_key', keyA),
    steps: [reconfigure],
  },
  {
    name: 'the HA script, which copies the key of a node of the same cluster',
    keys: [keyA],
    mayConflict: false,
    prepare: (sandbox) => sandbox.setRow('encryption_key', keyA),
    steps: [emptyKeyFile, copyKeyFile(keyA)],
  },
  {
    name: 'the HA script, which copies the key of a node that has another one',
    keys: [keyA, keyB],
    mayConflict: true,
    prepare: (sandbox) => sandbox.setRow('encryption_key', keyA),
    steps: [emptyKeyFile, copyKeyFile(keyB)],
  },
]

for (const tool of tools) {
  test(
    `${tool.name}: in each order of its steps and ours both end with one key, or nothing is lost`,
    needsStrace,
    async (t) => {
      const calls = await callsOfRun(tool)
      const problems: string[] = []
      let orders = 0
      for (const [index, order] of ordersToTry(tool).entries()) {
        // Each order at other calls, so that a sample has seen many.
        const rotated = [...calls.slice(index), ...calls.slice(0, index)]
        const places =
          order.meanwhile === 0 ? [undefined] : sample(rotated, byExtent({ sample: 1, all: 4, long: calls.length }))
        for (const call of places)
          await tryOrder(tool, order, call).then(
            () => (orders += 1),
            (error: unknown) => problems.push(`${JSON.stringify(order)} at ${call?.line}: ${messageOf(error)}`),
          )
      }
      tally.add(tool.name, orders)
      t.diagnostic(`${orders} orders`)
      if (problems.length > 0) throw new Error(problems.join('\n'))
    },
  )
}

/** How many of the tool's steps come before our run, in the middle of it, and after it. */
interface Order {
  before: number
  meanwhile: number
}

/** A sample is of those in which both are at work at once. */
function ordersToTry({ steps }: Tool): Order[] {
  const orders = ordersOf(steps.length)
  const atOnce = orders.filter(({ meanwhile }) => meanwhile > 0)
  return byExtent({ sample: sample(atOnce, 2), all: orders, long: orders })
}

function ordersOf(steps: number): Order[] {
  const counts = Array.from({ length: steps + 1 }, (_, count) => count)
  return counts.flatMap((before) => counts.slice(0, steps - before + 1).map((meanwhile) => ({ before, meanwhile })))
}

async function tryOrder(tool: Tool, { before, meanwhile }: Order, call: Call | undefined): Promise<void> {
  await using sandbox = await machineFor(tool)
  const take = async (from: number, to?: number) => {
    for (const step of tool.steps.slice(from, to)) await step(sandbox)
  }
  await take(0, before)
  const command = commandOf(sandbox)
  if (call) await runPausedAt(command, call, () => take(before, before + meanwhile))
  else await ended(start(command))
  await take(before + meanwhile)

  const isExpected = (key = '') =>
    tool.keys?.includes(key) ?? /^[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}$/.test(key)
  const last = await ended(start(command))
  const [inFile, inRow] = [sandbox.keyInFile(), await sandbox.keyInRow()]
  if (last.code === 0) {
    assert.equal(inFile, inRow)
    assert.ok(isExpected(inFile), `a key that nobody has written: ${last.stderr}`)
    assert.match((await ended(start(command))).stdout, /changed=0/)
    if (isRoot) assert.equal(statSync(sandbox.path(keyPath)).uid, owner)
    assert.equal(sandbox.mode(keyPath).endsWith('0'), true, 'nobody else may read it')
    return
  }
  assert.equal(last.code, 3, last.stderr)
  assert.ok(tool.mayConflict, `a conflict that nobody has made: ${last.stderr}`)
  assert.ok(isExpected(inFile) && isExpected(inRow), 'both are keys as they were written')
  assert.notEqual(inFile, inRow)
}

async function callsOfRun(tool: Tool): Promise<Call[]> {
  await using sandbox = await machineFor(tool)
  // From the first look at the key on.
  const calls = await traceCalls(commandOf(sandbox), sandbox.root)
  return calls.filter(({ name }) => !['write', 'writev'].includes(name))
}

const owner = isRoot ? 33 : (process.getuid?.() ?? 0)

async function machineFor(tool: Tool): Promise<Sandbox> {
  const sandbox = await Sandbox.create('mysql')
  if (isRoot) {
    chmodSync(sandbox.root, 0o755)
    sandbox.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\n')
    sandbox.write('/etc/group', `www-data:x:33:\nalienvault:x:${alienvault}:\n`)
  }
  sandbox.write('/etc/alienvault/system-id', systemId)
  await tool.prepare?.(sandbox)
  return sandbox
}

function commandOf(sandbox: Sandbox): string[] {
  const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
  return [process.execPath, programFile('frameworkd-setup'), ...args]
}

/** Two lines, the id as it is printed, readable for a group. */
function writeTwoLines(sandbox: Sandbox): void {
  writeInPlace(sandbox, `[key-value]\nkey=${systemId}\n`, 0o440, owner, alienvault)
}

function emptyKeyFile(sandbox: Sandbox): void {
  writeInPlace(sandbox, '', 0o644, 0, 0)
}

function copyKeyFile(key: string): Step {
  return (sandbox) => writeInPlace(sandbox, keyFileText(key), 0o644, 0, 0)
}

/** As a shell's redirection and scp do: what is there is emptied and filled, with no other name in between. */
function writeInPlace(sandbox: Sandbox, text: string, mode: number, uid: number, gid: number): void {
  const path = sandbox.path(keyPath)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  if (isRoot) chownSync(path, uid, gid)
}

function reconfigure(sandbox: Sandbox): void {
  const folder = dirname(sandbox.path(keyPath))
  mkdirSync(folder, { recursive: true })
  chmodSync(dirname(folder), 0o775)
  if (!isRoot) return
  for (const name of ['.', ...readdirSync(folder)]) chownSync(`${folder}/${name}`, 33, alienvault)
}
