/** Runs the tests against a private MariaDB. Arguments: test files, or flags of `node --test`. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { startMariaDb } from './support/mariadb.ts'

requireMariaDb()
const given = process.argv.slice(2)
const named = given.filter((argument) => !argument.startsWith('-'))
const flags = given.filter((argument) => argument.startsWith('-'))
const files = (named.length > 0 ? named : ['test']).flatMap((name) =>
  name.endsWith('.ts') ? [name] : globSync(`${name}/**/*.test.ts`),
)

await using database = await startMariaDb()
const tests = spawn(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-reporter=spec', ...flags, ...files.sort()],
  {
    stdio: 'inherit',
    env: { ...process.env, TEST_MARIADB_SOCKET: database.socket, TEST_MARIADB_PORT: String(database.port) },
  },
)
// Ctrl-C reaches the tests too; the server is stopped when they have ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal))
process.exitCode = await new Promise<number>((resolve) => tests.once('close', (code) => resolve(code ?? 1)))

function requireMariaDb(): void {
  if (['/usr/sbin', '/usr/bin', '/usr/local/sbin'].some((folder) => existsSync(`${folder}/mariadbd`))) return
  if (process.getuid?.() !== 0) {
    console.error('the tests need a MariaDB server: install the package mariadb-server')
    process.exit(1)
  }
  console.error('installing mariadb-server for the tests')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // RUNLEVEL=1 keeps the package from starting the system's own server (invoke-rc.d(8)).
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'mariadb-server'],
  ]) {
    const result = spawnSync('apt-get', args, {
      env: { ...env, RUNLEVEL: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (result.status !== 0) throw new Error(`apt-get ${args[0]} ended with ${result.status}`)
  }
  execFileSync('mariadbd', ['--version'], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  })
}
