import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { test } from 'node:test'
import { paths } from '../../src/paths.ts'
import { programFile } from '../support/programs.ts'
import { Sandbox } from '../support/sandbox.ts'

const program = programFile('frameworkd-setup')

function args(sandbox: Sandbox): string[] {
  return [program, '--non-interactive', '--root', sandbox.root, ...sandbox.flags]
}

test('a reader that goes away does not stop the work, nor change its exit code', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const child = spawn(process.execPath, args(sandbox), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (text) => (stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
})

test('output that a full disk does not take fails the run, after its work is done', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const child = spawn(process.execPath, [...args(sandbox), '--output', 'json'], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  })
  let stderr = ''
  child.stderr?.on('data', (text) => (stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 1)
  assert.match(stderr, /^frameworkd-setup: the output could not be written \(ENOSPC\); .*\nhint: .*\n$/)
  assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
})

/** Runs a command with a full pipe as its standard output, reads when the file is there, and ends as the command does. */
const fullPipe = `
import fcntl, os, subprocess, sys, time
reader, writer = os.pipe()
os.write(writer, b"x" * fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096))
child = subprocess.Popen(sys.argv[2:], stdout=writer)
os.close(writer)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
while os.read(reader, 4096): pass
sys.exit(child.wait())`

test('a reader that does not read holds up no work', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const command = [process.execPath, ...args(sandbox)]
  const child = spawn('python3', ['-c', fullPipe, sandbox.path(paths.setupComplete), ...command])
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0)
})
