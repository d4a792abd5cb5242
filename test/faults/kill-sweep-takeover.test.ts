/** Taking over from the original, and giving back, killed at the calls that change anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageOf } from '../../src/errors.ts'
import { byExtent, sample } from '../support/extent.ts'
import { movedFiles, original, runlevelLinks, writeOriginal } from '../support/original.ts'
import { ended, programFile } from '../support/programs.ts'
import { Sandbox } from '../support/sandbox.ts'
import { installInit, link, linkTarget } from '../support/services.ts'
import { start } from './support/start.ts'
import { type Call, needsStrace, runWith, traceCalls } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally('kill sweep')

test(
  'killed anywhere, take-over and uninstall lose nothing of the original, and one more run converges',
  needsStrace,
  async (t) => {
    const problems: string[] = []
    let kills = 0
    for (const verb of ['apply', 'uninstall'] as const) {
      const calls = await callsOf(verb)
      for (const call of sample(calls, byExtent({ sample: 3, all: 8, long: calls.length })))
        await killAt(call, verb).then(
          (isKilled) => (kills += Number(isKilled)),
          (error: unknown) => problems.push(`${verb} at ${call.line}: ${messageOf(error)}`),
        )
    }
    tally.add('SIGKILL at system calls of take-over and uninstall', kills)
    t.diagnostic(`${kills} kills`)
    if (problems.length > 0) throw new Error(problems.join('\n'))
  },
)

type Verb = 'apply' | 'uninstall'

async function callsOf(verb: Verb): Promise<Call[]> {
  await using sandbox = await machineBefore(verb)
  const calls = await traceCalls(commandOf(sandbox, verb), sandbox.root)
  // What comes before belongs to other tasks.
  const begins = calls.findIndex(({ line }) => /predecessor|ossim-framework/.test(line))
  return calls.slice(begins)
}

async function killAt(call: Call, verb: Verb): Promise<boolean> {
  await using sandbox = await machineBefore(verb)
  const { code } = await runWith(commandOf(sandbox, verb), call, 'signal=SIGKILL')
  for (const path of movedFiles) {
    const places = [path, `/var/lib/frameworkd/predecessor${path}`].map((place) => readIfThere(sandbox, place))
    assert.ok(places.includes(texts.get(path)), `${path} is whole nowhere`)
  }
  for (const again of ['apply', 'uninstall'] as const) {
    const { code: ending, stderr } = await ended(start(commandOf(sandbox, again)))
    assert.equal(ending, 0, `${again}: ${stderr}`)
    if (again === 'apply') assert.match(sandbox.read(original.initScript), /^# Written by frameworkd-setup/m)
  }
  for (const path of movedFiles) assert.equal(readIfThere(sandbox, path), texts.get(path), path)
  for (const path of runlevelLinks) assert.equal(linkTarget(sandbox, path), '../init.d/ossim-framework')
  return code === null
}

async function machineBefore(verb: Verb): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, 'systemd')
  writeOriginal(sandbox)
  for (const path of runlevelLinks) link(sandbox, path, '../init.d/ossim-framework')
  // All but what is killed is done before.
  const first =
    verb === 'apply' ? ['--skip-tags', 'service,files', '--ignore-preflight', 'predecessor'] : ['--take-over']
  assert.equal((await sandbox.setup(first)).code, 0)
  return sandbox
}

const texts = new Map<string, string>()
writeOriginal({ write: (path, text) => void texts.set(path, text) })

function commandOf(sandbox: Sandbox, verb: Verb): string[] {
  const args = verb === 'apply' ? ['--non-interactive', '--take-over', ...sandbox.flags] : ['uninstall']
  return [process.execPath, programFile('frameworkd-setup'), ...args, '--root', sandbox.root]
}

function readIfThere(sandbox: Sandbox, path: string): string | undefined {
  try {
    return sandbox.read(path)
  } catch {
    return undefined
  }
}
