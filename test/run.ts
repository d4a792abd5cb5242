/**
 * Runs the tests against a private MariaDB. Arguments: test files, folders of them, or flags of `node --test`;
 * without a name all but those that break the machine around the programs (`test/faults`), which take as long again.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { InstalledPackage } from './support/installed-package.ts'
import { startMariaDb } from './support/mariadb.ts'

/** Debian's packages by the program that is looked for. */
const packages = {
  mariadbd: 'mariadb-server',
  python3: 'python3',
  'systemd-notify': 'systemd',
  'systemd-analyze': 'systemd',
  logrotate: 'logrotate',
  shellcheck: 'shellcheck',
  monit: 'monit',
  ip: 'iproute2',
  strace: 'strace',
  setfacl: 'acl',
  bindfs: 'bindfs',
  age: 'age',
  'ansible-playbook': 'ansible-core',
  fish: 'fish',
  groff: 'groff-base',
  col: 'bsdextrautils',
}

requirePrograms()
const given = process.argv.slice(2)
const named = given.filter((argument) => !argument.startsWith('-'))
const flags = given.filter((argument) => argument.startsWith('-'))
const files =
  named.length > 0
    ? named.flatMap((name) => (name.endsWith('.ts') ? [name] : globSync(`${name}/**/*.test.ts`)))
    : globSync('test/**/*.test.ts', { exclude: ['test/faults/**'] })

/** Those that take longest begin first: one that begins last would keep one core busy while the others are done. */
const longest = [
  'setup/sealed-key',
  'cli/slow-line',
  'daemon/monit',
  'setup/rotation',
  'faults/hostile-data',
  'daemon/listener/access',
  'store/mysql/several-servers',
  'cli/wizard/wizard',
  'setup/setup',
  'setup/run/run-setup',
].map((name) => `test/${name}.test.ts`)
for (const file of longest)
  if (!existsSync(file)) throw new Error(`${file} is not there: correct the list of the longest`)
const inOrder = [
  ...longest.filter((file) => files.includes(file)),
  ...files.filter((file) => !longest.includes(file)).sort(),
]

/** More than there are cores: where a test waits, for a limit or a signal, another one has the core. */
const atOnce = availableParallelism() + 3

/** A test that hangs fails by its name, and a file that does not end ends the run, which names it. */
const hangsAfterMs = { test: 600_000, run: 3_600_000 }

await using database = await startMariaDb()
using installed = new InstalledPackage()
const tests = spawn(
  installed.node,
  [
    '--test',
    `--test-concurrency=${atOnce}`,
    ...(flags.some((flag) => flag.startsWith('--test-reporter=')) ? [] : ['--test-reporter=spec']),
    `--test-timeout=${hangsAfterMs.test}`,
    ...flags,
    ...inOrder,
  ],
  {
    stdio: 'inherit',
    timeout: hangsAfterMs.run,
    env: {
      ...process.env,
      TEST_MARIADB_SOCKET: database.socket,
      TEST_MARIADB_PORT: String(database.port),
      // Another folder that looks like it, the checkout itself for one, has readable stacks of bugs.
      TEST_PROGRAMS: process.env.TEST_PROGRAMS ?? installed.folder,
    },
  },
)
// Ctrl-C reaches the tests too; the server is stopped when they have ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal))
process.exitCode = await new Promise<number>((resolve) => tests.once('close', (code) => resolve(code ?? 1)))

/** Installs what the tests run, where that is missing and we are root; without MariaDB nothing can be tested. */
function requirePrograms(): void {
  const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin']
  const missing = Object.entries(packages).filter(
    ([program]) => !folders.some((folder) => existsSync(`${folder}/${program}`)),
  )
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) {
    console.error(`not installed: ${missing.map(([, name]) => name).join(', ')}; what needs them is skipped by name`)
    if (missing.some(([program]) => program === 'mariadbd')) process.exit(1)
    return
  }
  const names = missing.map(([, name]) => name)
  console.error(`installing ${names.join(', ')} for the tests`)
  // RUNLEVEL=1 keeps a package from starting the system's own server (invoke-rc.d(8)).
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...names],
  ]) {
    const result = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
    if (result.status !== 0) throw new Error(`apt-get ${args[0]} ended with ${result.status}`)
  }
}
