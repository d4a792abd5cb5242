/**
 * Runs the tests against a private MariaDB. Arguments: test files, folders of them, `--test-name-pattern` and
 * `--test-timeout` as of `node --test`; without a name all files but those that break the machine around the programs
 * (`test/faults`). `TEST_EXTENT` says how much of each (test/support/extent.ts): usually a sample.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempDisposableSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FileRun } from './run-files.ts'
import { InstalledPackage } from './support/installed-package.ts'
import { makeData, startMariaDb } from './support/mariadb.ts'

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
const { values: flags, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    'test-name-pattern': { type: 'string', multiple: true },
    'test-timeout': { type: 'string' },
  },
})
const files =
  named.length > 0
    ? named.flatMap((name) => (name.endsWith('.ts') ? [name] : filesBelow(name)))
    : globSync('test/**/*.test.ts', { exclude: ['test/faults/**'] })

/**
 * Those that take longest, where all tests run, begin first: one that begins last would keep one core busy while the
 * others are done. The ones that wait most stand between others, so that a core has something else to do.
 */
const longest = [
  'faults/hostile-data',
  'cli/slow-line',
  'setup/predecessor',
  'daemon/monit',
  'setup/service/service',
  'setup/sealed-key',
  'daemon/listener/access',
  'settings/authority',
  'setup/setup',
  'store/mysql/several-servers',
  'keycheck/real-schema',
  'daemon/instance/start-stop',
  'screens/screens',
  'daemon/instance/pidfile',
  'daemon/instance/waiting',
].map((name) => `test/${name}.test.ts`)
for (const file of longest)
  if (!existsSync(file)) throw new Error(`${file} is not there: correct the list of the longest`)
const inOrder = [
  ...longest.filter((file) => files.includes(file)),
  ...files.filter((file) => !longest.includes(file)).sort(),
]

/** A test that hangs fails by its name, and a file that does not end ends the run, which names it. */
const hangsAfterMs = { test: 600_000, run: 3_600_000 }

using ready = mkdtempDisposableSync(join(tmpdir(), 'frameworkd-ready-'))
const data = makeData(ready.path)
// It writes there until it has ended.
await using _ = { [Symbol.asyncDispose]: async () => void (await data.catch(() => {})) }
// While the tables of the server are made.
using installed = new InstalledPackage()
// The function is an experiment of Node's, and what it makes here is our own.
execFileSync(process.execPath, [
  '--disable-warning=ExperimentalWarning',
  'test/strip-types.ts',
  join(ready.path, 'stripped'),
])
await data
// The server of the run is the first that has a copy.
process.env.TEST_MARIADB_DATA = join(ready.path, 'data')
await using database = await startMariaDb()
const order: FileRun = {
  files: inOrder,
  // More than there are cores: where a test waits, for a limit or a signal, another one has the core.
  concurrency: availableParallelism() + 3,
  timeout: Number(flags['test-timeout'] ?? hangsAfterMs.test),
  ...(flags['test-name-pattern'] && { testNamePatterns: flags['test-name-pattern'] }),
}
const tests = spawn(installed.node, ['test/run-files.ts', JSON.stringify(order)], {
  stdio: 'inherit',
  timeout: hangsAfterMs.run,
  env: {
    ...process.env,
    TEST_MARIADB_SOCKET: database.socket,
    TEST_MARIADB_PORT: String(database.port),
    TEST_READY_MODULES: ready.path,
    // Another folder that looks like it, the checkout itself for one, has readable stacks of bugs.
    TEST_PROGRAMS: process.env.TEST_PROGRAMS ?? installed.folder,
  },
})
// Ctrl-C reaches the tests too; the server is stopped when they have ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal))
process.exitCode = await new Promise<number>((resolve) => tests.once('close', (code) => resolve(code ?? 1)))

function filesBelow(folder: string): string[] {
  const found = globSync(`${folder}/**/*.test.ts`)
  if (found.length === 0) throw new Error(`${folder} has no test files`)
  return found
}

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
