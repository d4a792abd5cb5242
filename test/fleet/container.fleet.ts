/**
 * The image of packaging/container: built, set up and run as its compose file and its Kubernetes manifests say, with
 * podman. What only stands in: a Debian of this machine for that of a registry, MariaDB beside the containers for
 * that of another one, and podman's own words for compose and Kubernetes.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { configTableSql, password } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { packageFile } from '../system/support/appliance.ts'
import { imageFolder } from '../system/support/image.ts'
import { runFolder } from '../system/support/run-folder.ts'

const container = 'frameworkd-test'
const limit = { timeout: 600_000 }
/** In a container that is run by a container, more than these cannot be had. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=2000:2000']
const locked = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--network',
  'host',
  ...limits,
]
const powers = ['--cap-add', 'CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID']

let folder: string
/** Podman wants no more than 50 letters. */
let runroot: string
let server: MariaDb

before(async () => {
  folder = mkdtempSync(join(runFolder(), 'containers-'))
  runroot = mkdtempSync('/tmp/frameworkd-podman-')
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  server = await startMariaDb()
  const run = (sql: string, parameters: string[] = [], database?: string) =>
    query(server.socket, database, sql, parameters)
  await run('CREATE DATABASE alienvault')
  await run('CREATE USER ossim@localhost IDENTIFIED BY ?', [password])
  await run('GRANT ALL ON alienvault.* TO ossim@localhost')
  await run(configTableSql, [], 'alienvault')
  for (const name of ['key', 'settings', 'state', 'logs', 'logrotate', 'run', 'context']) mkdirSync(join(folder, name))
  chownSync(join(folder, 'run'), 33, 33)
  writeFileSync(join(folder, 'db-password'), password, { mode: 0o444 })
  copyFileSync(packageFile().replace('/packages', 'build'), join(folder, 'context/frameworkd_test.deb'))
  const base = join(folder, 'base.tar')
  execFileSync('tar', ['--create', '--one-file-system', '--directory', imageFolder('container'), '--file', base, '.'])
  podman('import', base, 'localhost/base')
  rmSync(base)
  const file = ['--file', 'packaging/container/Containerfile', '--tag', 'frameworkd', join(folder, 'context')]
  const words = ['--format', 'docker', '--isolation', 'chroot', '--pull-never', '--build-arg', 'BASE=localhost/base']
  podman('build', ...words, ...file)
}, limit)

after(async () => {
  tryPodman('rm', '--force', '--time', '0', container)
  await server?.[Symbol.asyncDispose]()
  for (const mount of ['store/overlay', 'store']) spawnSync('umount', [join(folder, mount)], { stdio: 'ignore' })
  for (const path of [folder, runroot]) rmSync(path, { recursive: true, force: true })
}, limit)

function tryPodman(...args: string[]) {
  const places = ['--root', join(folder, 'store'), '--runroot', runroot]
  const local = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file']
  return spawnSync('podman', [...places, ...local, ...args], { encoding: 'utf8' })
}

function podman(...args: string[]): string {
  const { status, stdout, stderr } = tryPodman(...args)
  assert.equal(status, 0, `podman ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout.trim()
}

function volumes(mode: 'rw' | 'ro', names: Readonly<Record<string, string>>): string[] {
  return Object.entries(names).flatMap(([name, path]) => ['--volume', `${join(folder, name)}:${path}:${mode}`])
}

const secret = [
  ...['--env', 'FRAMEWORKD_DB_PASSWORD_FILE=/run/secrets/db-password'],
  ...['--volume', '$folder/db-password:/run/secrets/db-password:ro'],
]
const withSecret = () => secret.map((word) => word.replace('$folder', folder))
const places = { key: '/etc/ossim/framework', settings: '/etc/frameworkd', state: '/var/lib/frameworkd' }

test('a container with five powers of root sets up; the next one finds nothing to do', limit, () => {
  const set = (...args: string[]) =>
    podman(
      ...['run', '--rm', '--user', '0:0', ...locked, ...powers, ...withSecret()],
      ...volumes('rw', { ...places, logs: '/var/log/ossim', logrotate: '/etc/logrotate.d' }),
      ...[
        '--entrypoint',
        '/usr/sbin/frameworkd-setup',
        'frameworkd',
        '--non-interactive',
        '--init=none',
        '--wait-for-db=60',
      ],
      ...args,
    )
  const flags = [
    '--store=mysql',
    `--db-host=127.0.0.1:1,127.0.0.1:${server.port}`,
    '--db-user=ossim',
    '--create-schema',
  ]
  assert.match(set(...flags), /^\* changed +encryption-key/m)
  assert.match(set(), /changed=0/)
})

test(
  'the daemon is pid 1, not root, and writes nothing but its lock and pidfile; health, reload and end',
  limit,
  async () => {
    podman('run', '--detach', '--name', container, ...locked, ...volumes('ro', places), ...withSecret(), 'frameworkd')
    const logs = () => {
      const { stdout, stderr } = tryPodman('logs', container)
      return stdout + stderr
    }
    await until(
      () =>
        logs().includes('Listening on') || podman('inspect', '--format', '{{.State.Running}}', container) === 'false',
    )
    assert.match(logs(), /Listening on 127.0.0.1 port 40003/)
    assert.equal(podman('exec', container, 'id', '-u'), '33')
    assert.match(podman('exec', container, 'frameworkd', 'status', '--check'), /pid 1,/)
    podman('healthcheck', 'run', container)
    assert.notEqual(tryPodman('exec', container, 'touch', '/etc/ossim/framework/x').status, 0)
    podman('kill', '--signal', 'HUP', container)
    await until(() => logs().includes('Reloaded'))
    podman('stop', container)
    assert.equal(podman('inspect', '--format', '{{.State.ExitCode}}', container), '0')
    assert.match(logs(), /Frameworkd has stopped\n$/)
    podman('rm', container)
  },
)

test('where nobody has made a folder in /run the daemon says what it lacks', limit, () => {
  const args = ['--rm', ...locked, ...volumes('ro', places), ...withSecret(), '--tmpfs', '/run/frameworkd:mode=0755']
  const { status, stdout, stderr } = tryPodman('run', ...args, 'frameworkd')
  assert.equal(status, 2, stdout)
  assert.match(stderr, /www-data cannot write in \/run\/frameworkd: .*\nhint: .*chown/)
})
