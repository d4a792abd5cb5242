/**
 * `ansible-test sanity` on the collection, with the ansible-core of this machine and without a way to PyPI: the tests that
 * want a virtual environment with packages from there get one that sees those of the distribution.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runFolder } from '../system/support/run-folder.ts'

const python = '/usr/bin/python3'
/** More than there are tests that want an environment. */
const mostEnvironments = 20

/** What newer releases ask for, and no package of Debian's brings. */
const hasParser = hasModules('antsibull_docs_parser')
const isOld = /2\.1[4-6]\./.test(spawnSync('ansible-test', ['--version'], { encoding: 'utf8' }).stdout ?? '')

test('each test of sanity passes that can be run here', {
  skip:
    !hasModules('voluptuous', 'venv', 'pylint', 'yamllint', 'pycodestyle') &&
    'python3-voluptuous, python3-venv, pylint, yamllint or pycodestyle is missing',
  timeout: 600_000,
}, (context) => {
  const folder = mkdtempSync(join(runFolder(), 'sanity-'))
  const collection = join(folder, 'ansible_collections/frameworkd/ossim')
  mkdirSync(collection, { recursive: true })
  cpSync('ansible', collection, { recursive: true, filter: (path) => !path.includes('__pycache__') })
  execFileSync('git', ['init', '--quiet', '.'], { cwd: collection })
  execFileSync('git', ['add', '--all'], { cwd: collection })
  const version = execFileSync(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  })
  const left = isOld || hasParser ? [] : ['--skip-test', 'validate-modules']
  const args = ['sanity', '--python', version.trim(), ...left]
  const env = { HOME: folder, PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }
  for (let made = 0; ; made += 1) {
    const { status, stdout, stderr } = spawnSync('ansible-test', args, { cwd: collection, env, encoding: 'utf8' })
    const wanted = /FATAL: Python \S+ at "(\S+)\/bin\/python" does not have pip/.exec(stdout + stderr)?.[1]
    if (wanted !== undefined && made < mostEnvironments) {
      makeEnvironment(wanted)
      continue
    }
    assert.equal(status, 0, stdout + stderr)
    const run = [...(stdout + stderr).matchAll(/Running sanity test "/g)].length
    context.diagnostic(`${run} tests of sanity${left.length > 0 ? ', without validate-modules' : ''}`)
    break
  }
  rmSync(folder, { recursive: true })
})

function hasModules(...names: string[]): boolean {
  return spawnSync(python, ['-c', `import ${names.join(', ')}`], { stdio: 'ignore' }).status === 0
}

/** As ansible-test leaves one that it has filled. */
function makeEnvironment(path: string): void {
  rmSync(path, { recursive: true, force: true })
  execFileSync(python, ['-m', 'venv', '--without-pip', '--system-site-packages', path])
  writeFileSync(join(path, 'meta.install.json'), '[]')
  writeFileSync(join(path, 'meta.yaml.json'), 'true')
  writeFileSync(join(path, 'marker.txt'), '')
}
