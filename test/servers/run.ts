/**
 * `npm run test:servers`: the store's suite, the decision table and the real schema against each kind
 * of server, and one table of what came of it. Arguments: words of the names of those that are meant.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { InstalledPackage } from '../support/installed-package.ts'
import { type PrivateServer, type ServerKind, serverKinds, startServer } from './support/server-root.ts'

const files = [
  'test/servers/every-server.ts',
  'test/keycheck/decision-table-mysql.test.ts',
  'test/keycheck/real-schema.test.ts',
  'test/setup/rotation.test.ts',
]
const words = process.argv.slice(2)
for (const file of files) if (!existsSync(file)) throw new Error(`there is no ${file}`)
const meant = serverKinds.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))

interface Line {
  name: string
  version: string
  tests: number
  failed: number
}

using installed = new InstalledPackage()
const lines: Line[] = []
for (const kind of meant) {
  console.log(`\n${kind.name}`)
  lines.push(await testOn(kind))
}
const table = lines.map(
  ({ name, version, tests, failed }) => `${name.padEnd(14)}  ${version.padEnd(36)}  ${tests} tests, ${failed} failed`,
)
console.log(`\n${table.join('\n')}`)
process.exitCode = lines.some(({ failed }) => failed > 0) ? 1 : 0

async function testOn(kind: ServerKind): Promise<Line> {
  let server: PrivateServer
  try {
    server = await startServer(kind)
  } catch (error) {
    // Where the archive cannot be reached, the others are still worth it.
    return { name: kind.name, version: `not tested: ${error}`, tests: 0, failed: 1 }
  }
  await using running = server
  const env = {
    ...process.env,
    TEST_SERVER_KIND: kind.name,
    TEST_MARIADB_SOCKET: running.socket,
    TEST_MARIADB_PORT: String(running.port),
    TEST_PROGRAMS: installed.folder,
    TEST_EXTENT: 'all',
  }
  // One file after the other: they set what holds for the whole server.
  const args = ['--test', '--test-concurrency=1', '--test-reporter=spec', '--test-name-pattern=/^(?!sqlite)/', ...files]
  const { stdout } = spawnSync(installed.node, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  console.log(
    stdout
      .split('\n')
      .filter((line) => !line.startsWith('✔'))
      .join('\n'),
  )
  const count = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0)
  const [tests, failed] = [count('tests'), count('fail')]
  return { name: kind.name, version: running.version, tests, failed: tests === 0 ? 1 : failed }
}
