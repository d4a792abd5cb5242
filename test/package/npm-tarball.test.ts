import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { leftOut } from '../support/extent.ts'

/** npm with the node that runs the tests, and nothing from a registry. */
function npm(...args: string[]): string {
  return execFileSync('npm', [...args, '--offline', '--silent'], { encoding: 'utf8', env: environment })
}

const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }

test('the npm tarball installs without a registry and provisions a machine', { skip: leftOut }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-npm-'))
  try {
    const tarball = npm('pack', '--pack-destination', folder).trim()
    npm('install', '--global', '--prefix', `${folder}/prefix`, join(folder, tarball))
    const installed = `${folder}/prefix/lib/node_modules/frameworkd`
    assert.equal(existsSync(`${installed}/node_modules`), false)
    assert.deepEqual(
      readdirSync(installed).filter((name) => ['src', 'test', 'build'].includes(name)),
      [],
    )
    const root = `${folder}/root`
    mkdirSync(`${root}/etc`, { recursive: true })
    writeFileSync(`${root}/etc/passwd`, `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
    const program = `${folder}/prefix/bin/frameworkd-setup`
    const args = ['--non-interactive', '--root', root, '--store', 'sqlite']
    const first = spawnSync(program, args, { encoding: 'utf8', cwd: '/', env: environment })
    assert.equal(first.status, 0, first.stderr)
    const second = spawnSync(program, args, { encoding: 'utf8', cwd: '/', env: environment })
    assert.match(second.stdout, /changed=0/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
