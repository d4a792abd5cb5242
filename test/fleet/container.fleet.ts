/**
 * The image of packaging/container: built, set up and run with podman, alone, as pods by its Kubernetes manifest and by its
 * compose file. What only stands in:
 *
 * - a Debian of this machine for that of a registry, and a MariaDB from Debian for the official image
 *   (support/mariadb-image)
 * - `podman kube play` for a cluster: support/kube-play.ts says what it knows no word for. The probes are asked by hand
 * - podman-compose 1.0 for others: it starts the daemon without waiting for the end of `setup`, so that it gets two
 *   orders here, and knows no options of volumes. Docker was not tried
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { configTableSql, keyPath, password } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { packageFile } from '../system/support/appliance.ts'
import { probesOf, replicaForPodman, secretDocument } from './support/kube-play.ts'
import { Podman } from './support/podman.ts'

const container = 'frameworkd-test'
const limit = { timeout: 600_000 }
const locked = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'host']
const powers = ['--cap-add', 'CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID']
/** As compose.yml names it. */
const mariaDbImage = 'docker.io/library/mariadb:11.8'

let containers: Podman
let folder: string
let server: MariaDb

const podman = (...args: string[]) => containers.run(args)
const tryPodman = (...args: string[]) => containers.try(args)

before(async () => {
  containers = new Podman()
  folder = containers.folder
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
  containers.importBase()
  const file = ['--file', join(process.cwd(), 'packaging/container/Containerfile')]
  containers.build('frameworkd', join(folder, 'context'), ...file, '--build-arg', 'BASE=localhost/base')
  containers.buildMariaDb(mariaDbImage)
}, limit)

// One that failed leaves nothing to the next.
afterEach(() => containers.removeAll())

after(async () => {
  containers?.[Symbol.dispose]()
  await server?.[Symbol.asyncDispose]()
}, limit)

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
    const logs = () => containers.logs(container)
    await until(() => logs().includes('Listening on') || !containers.isRunning(container))
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
  },
)

test('where nobody has made a folder in /run the daemon says what it lacks', limit, () => {
  const args = ['--rm', ...locked, ...volumes('ro', places), ...withSecret(), '--tmpfs', '/run/frameworkd:mode=0755']
  const { status, stdout, stderr } = tryPodman('run', ...args, 'frameworkd')
  assert.equal(status, 2, stdout)
  assert.match(stderr, /www-data cannot write in \/run\/frameworkd: .*\nhint: .*chown/)
})

test('two pods of the manifest start from nothing, end with one key and pass their probes', limit, async () => {
  const manifest = readFileSync('packaging/container/kubernetes.yml', 'utf8')
  const probes = probesOf(manifest)
  assert.deepEqual([...probes.keys()].sort(), ['liveness', 'readiness', 'startup'])
  podman('network', 'create', 'pods')
  // One server, whichever of the three is asked.
  const names = [0, 1, 2].flatMap((number) => ['--network-alias', `ossim-db-${number}.ossim-db`])
  const variables = { DATABASE: 'alienvault', USER: 'ossim', PASSWORD_FILE: '/run/secrets/db-password' }
  const env = Object.entries(variables).flatMap(([name, value]) => ['--env', `MARIADB_${name}=${value}`])
  const passwordFile = ['--volume', `${join(folder, 'db-password')}:/run/secrets/db-password:ro`]
  podman('run', '--detach', '--name', 'ossim-db', '--network', 'pods', ...names, ...env, ...passwordFile, mariaDbImage)
  await untilMariaDbAnswers('ossim-db')
  sql('ossim-db', configTableSql)
  writeFileSync(join(folder, 'secret.json'), secretDocument('ossim-db', 'password', password))
  podman('secret', 'create', 'ossim-db', 'secret.json')
  const replicas = ['first', 'second']
  const folderOf = (replica: string) => join(folder, `pod-${replica}`)
  for (const replica of replicas) {
    mkdirSync(folderOf(replica))
    chmodSync(folderOf(replica), 0o777)
  }
  const documents = replicas.map((replica) => replicaForPodman(manifest, replica, folderOf(replica)))
  writeFileSync(join(folder, 'kubernetes.yml'), documents.join('---\n'))
  const logsOfSetup = () => replicas.map((replica) => containers.logs(`${replica}-pod-0-setup`)).join('')
  const played = tryPodman('kube', 'play', '--network', 'pods', 'kubernetes.yml')
  assert.equal(played.status, 0, played.stderr + logsOfSetup())

  const [key] = sql('ossim-db', "SELECT value FROM config WHERE conf = 'encryption_key'").split('\n')
  for (const replica of replicas) {
    const daemon = `${replica}-pod-0-frameworkd`
    await untilItAnswers(daemon)
    podman('healthcheck', 'run', daemon)
    for (const words of probes.values()) podman('exec', daemon, ...words)
    assert.equal(podman('exec', daemon, 'id', '-u'), '33')
    assert.notEqual(tryPodman('exec', daemon, 'touch', '/etc/ossim/framework/x').status, 0)
    const file = join(folderOf(replica), 'key/db_encryption_key')
    assert.equal(/^key=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1], key)
    assert.deepEqual([statSync(file).uid, statSync(file).mode & 0o777], [33, 0o400])
    assert.match(containers.logs(daemon), /^\{.*Listening on 127.0.0.1 port 40003/m)
  }
  const logs = logsOfSetup()
  assert.equal([...logs.matchAll(/changed +encryption-key +make a new key/g)].length, 1, logs)
  podman('kube', 'down', 'kubernetes.yml')
  assert.equal(podman('pod', 'ps', '--quiet'), '')
})

test(
  'compose brings up database and setup, then the daemon, which serves and may write next to nothing',
  limit,
  async () => {
    mkdirSync(join(folder, 'compose'))
    copyFileSync('packaging/container/compose.yml', join(folder, 'compose/compose.yml'))
    copyFileSync(join(folder, 'db-password'), join(folder, 'compose/db-password'))
    const compose = (...order: string[]) => {
      const args = ['--project-name', 'ossim', '--file', 'compose/compose.yml', ...order]
      const { status, stdout, stderr } = containers.try(args, '', 'podman-compose')
      assert.equal(status, 0, `podman-compose ${order.join(' ')}: ${stdout}${stderr}`)
    }
    const [db, setup, daemon] = ['ossim_db_1', 'ossim_setup_1', 'ossim_frameworkd_1'] as const
    compose('up', '--detach', 'setup')
    await until(() => !containers.isRunning(setup))
    assert.equal(podman('inspect', '--format', '{{.State.ExitCode}}', setup), '0', containers.logs(setup))
    assert.match(containers.logs(setup), /^\* changed +encryption-key/m)
    compose('up', '--detach')
    await untilItAnswers(daemon)
    podman('healthcheck', 'run', daemon)
    podman('exec', daemon, 'frameworkd', 'status', '--check')
    assert.equal(podman('exec', daemon, 'id', '-u'), '33')
    assert.equal(podman('exec', daemon, 'stat', '--format', '%u %g %a', '/run/frameworkd'), '33 33 755')
    assert.notEqual(tryPodman('exec', daemon, 'touch', '/usr/x').status, 0)
    const row = sql(db, "SELECT value FROM config WHERE conf = 'encryption_key'")
    assert.equal(podman('exec', daemon, 'sed', '-n', 's/^key=//p', keyPath), row)
    compose('down', '--volumes')

    // The options of the volume `run`, which this podman-compose passes over.
    const options = /^ {4}driver_opts: \{ type: (\S+), device: (\S+), o: "(\S+)" \}$/m.exec(
      readFileSync('packaging/container/compose.yml', 'utf8'),
    )
    const [type, device, o] = options?.slice(1) ?? []
    podman('volume', 'create', '--opt', `type=${type}`, '--opt', `device=${device}`, '--opt', `o=${o}`, 'run')
    const withVolume = ['--network', 'none', '--read-only', '--volume', 'run:/run/frameworkd', '--entrypoint', 'sh']
    const look = 'stat --format "%u %g %a" /run/frameworkd; stat --file-system --format %T /run/frameworkd'
    assert.equal(podman('run', '--rm', ...withVolume, 'frameworkd', '-c', look), '33 33 755\ntmpfs')
    assert.equal(podman('ps', '--all', '--quiet'), '')
  },
)

/** Statements for a server in a container, as its administrator. */
function sql(name: string, statements: string): string {
  const client = ['mariadb', '--socket=/var/lib/mysql/socket', '--batch', '--skip-column-names', 'alienvault']
  return containers.run(['exec', '--interactive', name, ...client], statements)
}

async function untilMariaDbAnswers(name: string): Promise<void> {
  const ask = ['exec', name, 'mariadb', '--socket=/var/lib/mysql/socket', '--execute', 'SELECT 1', 'alienvault']
  await until(() => tryPodman(...ask).status === 0)
}

async function untilItAnswers(daemon: string): Promise<void> {
  const answers = () => tryPodman('exec', daemon, 'frameworkd', 'ping').status === 0
  await until(() => answers() || !containers.isRunning(daemon))
  assert.ok(containers.isRunning(daemon), containers.logs(daemon))
}
