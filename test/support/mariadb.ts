import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type ListenOptions, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
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

const execute = promisify(execFile)
const startLimitMs = 30_000

/** Starts a server for one test, or for the whole run. */
export async function startMariaDb(...options: string[]): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-mariadb-'))
  const socket = join(folder, 'socket')
  const port = await freePort()
  const common = await makeData(folder).catch((error) => {
    rmSync(folder, { recursive: true })
    throw error
  })
  const args = [
    ...common,
    `--socket=${socket}`,
    `--port=${port}`,
    `--log-error=${folder}/log.err`,
    '--bind-address=127.0.0.1',
    '--max-connections=300',
    ...options,
  ]
  let server = await startServer(args, socket).catch((error) => {
    rmSync(folder, { recursive: true })
    throw error
  })
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

/**
 * Makes the data of a server that has run nothing: a copy of what the run has made once, where there is such.
 * @returns the options with which a server works on it
 */
export async function makeData(folder: string): Promise<string[]> {
  // A server removes at its start what it takes for old temporary tables: they must not be another one's.
  mkdirSync(join(folder, 'tmp'))
  const places = [`--datadir=${folder}/data`, `--tmpdir=${folder}/tmp`]
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []
  const common = ['--no-defaults', ...places, ...asRoot, '--innodb-log-file-size=16M']
  const ready = process.env.TEST_MARIADB_DATA
  if (ready) await execute('cp', ['--archive', ready, join(folder, 'data')])
  else await execute('mariadb-install-db', [...common, '--auth-root-authentication-method=socket', '--skip-test-db'])
  return common
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

/** Of the ports that no client is given (ip_local_port_range in ip(7)): a connection could get one before its server. */
const [firstPort, lastPort] = [10_000, 32_000]

/**
 * A port on loopback that nobody listens on, and that no other test gets: until this process ends it is reserved by
 * an abstract socket with its number in the name, which holds in this network namespace, as ports do (unix(7)).
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < 1000; tried += 1) {
    const port = randomInt(firstPort, lastPort)
    if ((await canListen(port)) && (await listenUnlessTaken({ path: `\0frameworkd-test-port-${port}` }))) return port
  }
  throw new Error(`no port between ${firstPort} and ${lastPort} is free`)
}

async function canListen(port: number): Promise<boolean> {
  const server = await listenUnlessTaken({ port, host: '127.0.0.1' })
  if (server) await new Promise((closed) => server.close(closed))
  return server !== undefined
}

/** It keeps no process from its end. */
async function listenUnlessTaken(where: ListenOptions): Promise<Server | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<Server | undefined>()
  server.once('error', () => resolve(undefined)).listen(where, () => resolve(server.unref()))
  return await promise
}

/** Runs statements as the server's administrator. @returns the rows of a single one */
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
    multipleStatements: true,
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
    if (server.exitCode !== null) throw new Error(`mariadbd ended with ${server.exitCode}: ${errorsOf(socket)}`)
    if (Date.now() - begun > startLimitMs) {
      await end(server, 'SIGKILL')
      throw new Error(`mariadbd did not answer in time: ${errorsOf(socket)}`)
    }
    await sleep(50)
  }
}

function errorsOf(socket: string): string {
  const lines = readFileSync(socket.replace(/socket$/, 'log.err'), 'utf8').split('\n')
  return lines.filter((line) => line.includes('[ERROR]')).join('; ')
}

async function answers(socket: string): Promise<boolean> {
  return query(socket, undefined, 'SELECT 1').then(
    () => true,
    () => false,
  )
}
