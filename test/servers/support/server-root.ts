/** Servers of other releases than this machine's own: each in a root of its own, cached outside the repository. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeCertificates } from '../../support/certificates.ts'
import { freePort, query } from '../../support/mariadb.ts'
import { mirror, proxyOptions } from '../../system/support/image.ts'

/** A server, by the release of Debian that has it. */
export interface ServerKind {
  name: string
  suite: string
  package: string
  isMariaDb: boolean
}

export const serverKinds: readonly ServerKind[] = [
  { name: 'MariaDB 10.5', suite: 'bullseye', package: 'mariadb-server-10.5', isMariaDb: true },
  { name: 'MariaDB 10.11', suite: 'bookworm', package: 'mariadb-server', isMariaDb: true },
  { name: 'MariaDB 11.8', suite: 'trixie', package: 'mariadb-server', isMariaDb: true },
  { name: 'MySQL 9.7', suite: 'sid', package: 'mysql-server-core', isMariaDb: false },
]

/** A private server of a kind: on loopback, its data in its root, gone at the end. */
export interface PrivateServer extends AsyncDisposable {
  /** As the server says it: `10.5.29-MariaDB-0+deb11u1`. */
  version: string
  socket: string
  port: number
}

const cache = '/var/cache/frameworkd-test'
const startLimitMs = 60_000

/** Builds the root unless it is there. @throws Error where Debian's archive cannot be reached */
function ensureServerRoot({ suite, package: name }: ServerKind): string {
  const root = join(cache, `server-${suite}-${name}`)
  if (existsSync(root)) return root
  console.error(`building ${root}`)
  mkdirSync(cache, { recursive: true })
  const unfinished = `${root}.new`
  rmSync(unfinished, { recursive: true, force: true })
  // Old releases, and snapshots of new ones, are signed for a time that has passed.
  const old = '--aptopt=Acquire::Check-Valid-Until "false"'
  const args = ['--quiet', '--variant=minbase', `--include=${name}`, old, ...proxyOptions()]
  execFileSync('mmdebstrap', [...args, suite, unfinished, mirror()], { stdio: ['ignore', 'ignore', 'inherit'] })
  renameSync(unfinished, root)
  return root
}

/** Starts one on new data. */
export async function startServer(kind: ServerKind, ...options: string[]): Promise<PrivateServer> {
  const root = ensureServerRoot(kind)
  const folder = mkdtempSync(join(root, 'srv', 'server-'))
  const inside = join('/srv', basename(folder))
  mkdirSync(join(folder, 'tmp'))
  const socket = join(folder, 'socket')
  const port = await freePort()
  const places = ['--no-defaults', '--user=root', `--datadir=${inside}/data`, `--tmpdir=${inside}/tmp`]
  // A root has no /etc/hosts: --force lets MariaDB's installation go on without.
  const inRoot = (command: readonly string[]) => execFileSync('chroot', [root, ...command], { stdio: 'pipe' })
  if (kind.isMariaDb)
    inRoot(['mariadb-install-db', ...places, '--auth-root-authentication-method=socket', '--skip-test-db', '--force'])
  else inRoot(['mysqld', ...places, '--secure-file-priv=NULL', '--initialize-insecure'])
  const own = kind.isMariaDb
    ? ['--innodb-use-native-aio=0']
    : ['--secure-file-priv=NULL', '--mysqlx=OFF', '--innodb-use-native-aio=0']
  using certificates = makeCertificates()
  for (const [name, text] of Object.entries({ ...certificates.issued, ca: certificates.ca }))
    writeFileSync(join(folder, `${name}.pem`), text)
  const tls = ['ca', 'cert', 'key'].map((name) => `--ssl-${name}=${inside}/${name}.pem`)
  const listening = [
    `--socket=${inside}/socket`,
    `--pid-file=${inside}/pid`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
  ]
  const args = [
    root,
    kind.isMariaDb ? 'mariadbd' : 'mysqld',
    ...places,
    ...own,
    ...tls,
    ...listening,
    '--max-connections=300',
  ]
  const server = spawn('chroot', [...args, `--log-error=${inside}/log`, ...options], { stdio: 'ignore' })
  const version = await untilItAnswers(socket, server, join(folder, 'log'))
  return {
    version,
    socket,
    port,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

async function untilItAnswers(socket: string, server: ChildProcess, log: string): Promise<string> {
  for (const end = Date.now() + startLimitMs; ; await sleep(100)) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}, see ${log}`)
    const [[version] = []] = await query(socket, undefined, 'SELECT VERSION()').catch(() => [])
    if (version !== undefined) return String(version)
    if (Date.now() > end) throw new Error(`the server did not answer in time, see ${log}`)
  }
}
