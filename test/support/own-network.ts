/**
 * A test file that runs in a network of its own, in which `10.77.0.2` is another machine: what
 * connects to it comes from `10.77.0.1`. `db.test` is its name. Needs root.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The other machine's address and name. */
export const otherMachine = { address: '10.77.0.2', name: 'db.test' }

const script = `
  set -e
  ip link set lo up
  ip address add 10.77.0.1/32 dev lo
  ip address add 10.77.0.2/32 dev lo
  ip route replace local 10.77.0.2 dev lo table local src 10.77.0.1
  mount --bind "$1" /etc/hosts
  shift
  exec "$@"`

/**
 * Runs the tests of a file there: the file is started once more, and this is true within.
 * @param file its `import.meta.url`
 */
export function isInOwnNetwork(file: string, promise: string): boolean {
  if (process.env.TEST_OWN_NETWORK) return true
  test(promise, { skip: process.getuid?.() !== 0 && 'it needs root' }, (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'frameworkd-hosts-'))
    const hosts = join(folder, 'hosts')
    writeFileSync(hosts, `127.0.0.1 localhost\n::1 localhost\n${otherMachine.address} ${otherMachine.name}\n`)
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const inner = [process.execPath, '--test', '--test-reporter=spec', fileURLToPath(file)]
    const { status, stdout } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', script, 'sh', hosts, ...inner], {
      env: { ...env, TEST_OWN_NETWORK: '1' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    rmSync(folder, { recursive: true })
    for (const line of stdout.split('\n').filter((one) => /^[✔✖]/.test(one))) context.diagnostic(line)
    assert.equal(status, 0, stdout)
  })
  return false
}
