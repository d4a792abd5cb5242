import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'

/** A private MariaDB: own data, own socket, own port on loopback. */
export interface MariaDb extends AsyncDisposable {
  socket: string
  port: number
  readonly pid: number
  /** SIGKILL: as if the machine had gone. */
  kill(): Promise<void>
  /** Starts it again on the same data, after a kill. */
  restart(): Promise<void>
}

const startLimitMs = 30_000

/** Starts a server for one test, or for the whole run. */
export async function startMariaDb(...options: string[]): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-mariadb-'))
  const socket = join(folder, 'socket')
  const port = await freePort()
  // A server removes at its start what it takes for old temporary tables: they must not be another one's.
  mkdirSync(join(folder, 'tmp'))
  const places = [`--datadir=${folder}/data`, `--tmpdir=${folder}/tmp`]
  const common = ['--no-defaults', ...places, ...(process.getuid?.() === 0 ? ['--user=root'] : [])]
  execFileSync('mariadb-install-db', [...common, '--auth-root-authentication-method=socket', '--skip-test-db'], {
    stdio: 'ignore',
  })
  const args = [
    ...common,
    `--socket=${socket}`,
    `--port=${port}`,
    `--log-error=${folder}/log`,
    '--bind-address=127.0.0.1',
    '--max-connections=300',
    ...options,
  ]
  let server = await startServer(args, socket)
  return {
    socket,
    port,
    get pid() {
      return server.pid ?? 0
    },
    kill: () => end(server, 'SIGKILL'),
    async restart() {
      server = await startServer(args, socket)
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGCONT')
      await end(server, 'SIGTERM')
      rmSync(folder, { recursive: true })
    },
  }
}

async function startServer(args: readonly string[], socket: string): Promise<ChildProcess> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  const server = spawn('mariadbd', args, { stdio: 'ignore', env })
  await untilItAnswers(socket, server)
  return server
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill(signal)
  await ended
}

/**
 * Of the ports that no client is given (ip_local_port_range in ip(7)): between the choice and the start of a server
 * another connection could have got one of those. Each process of the tests has a hundred, and takes them in turn.
 */
const portsEach = 100
const firstPort = 10_000 + (process.pid % portsEach) * portsEach
let portsTried = 0

/** A port on loopback that nobody listens on, and nobody else is about to. */
export async function freePort(): Promise<number> {
  for (const end = portsTried + portsEach; portsTried < end; ) {
    const port = firstPort + (portsTried++ % portsEach)
    if (await canListen(port)) return port
  }
  throw new Error(`all ports from ${firstPort} on are taken`)
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  const isFree = await promise
  if (isFree) await new Promise((closed) => server.close(closed))
  return isFree
}

/** Runs statements as the server's administrator. */
export async function query(
  socket: string,
  database: string | undefined,
  sql: string,
  parameters: unknown[] = [],
): Promise<unknown[][]> {
  const user =
    process.env.USER ?? (process.getuid?.() === 0 ? 'root' : execFileSync('id', ['-un'], { encoding: 'utf8' }).trim())
  const connection = await createConnection({
    socketPath: socket,
    user,
    rowsAsArray: true,
    ...(database && { database }),
  })
  try {
    const [rows] = await connection.query(sql, parameters)
    return rows as unknown[][]
  } finally {
    await connection.end()
  }
}

async function untilItAnswers(socket: string, server: ChildProcess): Promise<void> {
  const begun = Date.now()
  while (!existsSync(socket) || !(await answers(socket))) {
    if (server.exitCode !== null)
      throw new Error(`mariadbd ended with ${server.exitCode}, see ${socket.replace(/socket$/, 'log')}`)
    if (Date.now() - begun > startLimitMs) throw new Error('mariadbd did not answer in time')
    await sleep(50)
  }
}

async function answers(socket: string): Promise<boolean> {
  return query(socket, undefined, 'SELECT 1').then(
    () => true,
    () => false,
  )
}
