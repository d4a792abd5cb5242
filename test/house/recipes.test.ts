/** The recipes of docs/operations.md that have a name are run as they stand, on a root instead of the machine. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { provisioned, serve, stop } from '../support/daemon.ts'
import { programFile } from '../support/programs.ts'
import { recipeOf } from '../support/recipe.ts'
import { Sandbox } from '../support/sandbox.ts'

/** Runs a recipe in a shell where our programs work on the root, and folder /root is one in it. */
function follow(sandbox: Sandbox, name: string, args: readonly string[] = []): { code: number | null; stdout: string } {
  const folder = sandbox.path('/programs')
  mkdirSync(folder, { recursive: true })
  mkdirSync(sandbox.path('/root'), { recursive: true })
  for (const program of ['frameworkd', 'frameworkd-setup'] as const) {
    const words = `exec ${process.execPath} ${programFile(program)} "$@" --root ${sandbox.root}`
    writeFileSync(`${folder}/${program}`, `#!/bin/sh\n${words}\n`)
    chmodSync(`${folder}/${program}`, 0o755)
  }
  const text = recipeOf(`sh ${name}`).replaceAll(' /root/', ` ${sandbox.root}/root/`)
  const env = { PATH: `${folder}:${process.env.PATH}` }
  const { status, stdout, stderr } = spawnSync('sh', ['-c', text, 'sh', ...args], { encoding: 'utf8', env })
  return { code: status, stdout: `${stdout}${stderr}` }
}

test('new hardware: the key of the old machine is exported, and is that of the new one', async () => {
  await using old = await Sandbox.create('sqlite')
  assert.equal((await old.setup()).code, 0)
  old.write('/root/passphrase', 'correct horse battery staple\n', 0o600)
  const exported = follow(old, 'new-hardware: old')
  assert.equal(exported.code, 0, exported.stdout)
  await using fresh = await Sandbox.create('sqlite')
  for (const name of ['/root/passphrase', '/root/key.age']) fresh.write(name, readFileSync(old.path(name)), 0o600)
  const imported = follow(fresh, 'new-hardware: new')
  assert.equal(imported.code, 0, imported.stdout)
  assert.equal(fresh.keyInFile(), old.keyInFile())
})

test('monitoring: what the plugin and the textfile say of a daemon that does not run, and of one that does', async () => {
  await using sandbox = await provisioned('sqlite')
  sandbox.write('/textfiles/.keep', '')
  const metrics = () => {
    assert.equal(follow(sandbox, 'monitoring: textfile', [sandbox.path('/textfiles')]).code, 0)
    return [...sandbox.read('/textfiles/frameworkd.prom').matchAll(/^frameworkd_(\w+) (\d)$/gm)].map(([line]) => line)
  }
  assert.match(follow(sandbox, 'monitoring: plugin').stdout, /^CRITICAL: frameworkd: /)
  assert.equal(follow(sandbox, 'monitoring: plugin').code, 2)
  assert.deepEqual(metrics(), ['frameworkd_up 0', 'frameworkd_key_agrees 0'])
  using daemon = await serve(sandbox)
  assert.deepEqual(follow(sandbox, 'monitoring: plugin'), { code: 0, stdout: 'OK: pong\n' })
  assert.deepEqual(metrics(), ['frameworkd_up 1', 'frameworkd_key_agrees 1'])
  await stop(daemon.child)
})
