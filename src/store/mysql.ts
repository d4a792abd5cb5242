import { isUtf8 } from 'node:buffer'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, createConnection } from 'mysql2'
import { KnownError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import type { ConfigStore } from './config-store.ts'
import { ConfigTable, type SqlConnection } from './config-table.ts'
import { mysqlDialect } from './mysql-dialect.ts'
import { explainMysqlError, isLockConflict, mayDemandTls, numberOf } from './mysql-errors.ts'
import { ProtocolViolation } from './mysql-packets.ts'
import { loginRules, passwordMethods, type SslMode, usesTls } from './mysql-security.ts'
import { Wire } from './mysql-wire.ts'

/** How to reach a MySQL or MariaDB server. */
export interface ServerAddress {
  host: string
  port: number
  /** A unix socket, instead of host and port. */
  socket?: string
  database: string
  user: string
  password?: Secret
  /** `preferred` where it is absent, and `verify-identity` where there is a CA. */
  sslMode?: SslMode
  /** PEM text of the CA that the server is verified with. */
  sslCa?: string
}

export interface MysqlOptions {
  signal: AbortSignal
  /** Milliseconds for the connection, and for each statement. */
  limitMs?: number
}

const defaultLimitMs = 10_000
/** SERVER_STATUS_IN_TRANS and SERVER_STATUS_AUTOCOMMIT. MySQL says the second of a connection that has it not. */
const [inTransaction, autocommit] = [1, 2]
/** A statement that lost against another one is tried again this often, within its time. */
const retryLimit = 8

/** @throws KnownError as ConfigStore says */
export async function openMysqlStore(server: ServerAddress, options: MysqlOptions): Promise<ConfigStore> {
  options.signal.throwIfAborted()
  return new ConfigTable(await open(server, options, false))
}

/** Opens a connection; within this machine a second time, with TLS, where the server may demand that. */
async function open(server: ServerAddress, options: MysqlOptions, demandsTls: boolean): Promise<MysqlConnection> {
  const opening = new Opening(server, options, demandsTls)
  try {
    return await opening.run()
  } catch (error) {
    if (!opening.mayNeedTls(error)) throw opening.explain(error)
    return open(server, options, true)
  }
}

/** One connection from the socket to the end of the login. */
class Opening {
  readonly #server: ServerAddress
  readonly #options: MysqlOptions
  readonly #demandsTls: boolean
  readonly #wire: Wire
  #isMariaDb: boolean | undefined
  #offersTls = false
  #isEncrypted = false

  constructor(server: ServerAddress, options: MysqlOptions, demandsTls: boolean) {
    this.#server = server
    this.#options = options
    this.#demandsTls = demandsTls
    this.#wire = new Wire(
      server.socket === undefined ? { host: server.host, port: server.port } : { path: server.socket },
    )
  }

  async run(): Promise<MysqlConnection> {
    const { limitMs = defaultLimitMs, signal } = this.#options
    const connection = await withinLimit(this.#logIn(), limitMs, signal, this.#wire).catch((error: unknown) => {
      this.#wire.fail(error)
      throw error
    })
    return new MysqlConnection(connection, {
      wire: this.#wire,
      place: placeOf(this.#server),
      isMariaDb: this.#isMariaDb,
      limitMs,
      signal,
      warnings: this.#isEncrypted || this.#wire.staysHere ? [] : [unencryptedWarning(this.#server)],
    })
  }

  explain(error: unknown): unknown {
    const { signal } = this.#options
    const explained = explain(error, { place: placeOf(this.#server), isMariaDb: this.#isMariaDb, signal })
    if (!this.#couldUseTls || !mayDemandTls(error) || !(explained instanceof KnownError)) return explained
    const hint = `${explained.hint}; the account or the server may demand TLS: --db-ssl-mode required`
    return new KnownError(explained.code, explained.message, hint, { cause: error })
  }

  /** The server refuses the account, and might not with TLS. Only within this machine is that not asked for at once. */
  mayNeedTls(error: unknown): boolean {
    return this.#couldUseTls && this.#mode === 'preferred' && !this.#demandsTls && mayDemandTls(error)
  }

  get #couldUseTls(): boolean {
    return this.#offersTls && !this.#isEncrypted
  }

  get #mode(): SslMode {
    return this.#server.sslMode ?? (this.#server.sslCa === undefined ? 'preferred' : 'verify-identity')
  }

  async #logIn(): Promise<Connection> {
    const wire = this.#wire
    const { isMariaDb, offersTls } = await wire.greeting
    this.#isMariaDb = isMariaDb
    this.#offersTls = offersTls
    const situation = { mode: this.#mode, staysHere: wire.staysHere, offersTls, demandsTls: this.#demandsTls }
    this.#isEncrypted = usesTls(situation)
    const connection = this.#connect()
    wire.beginLogin(loginRules(situation, this.#isEncrypted))
    await inTurn(wire, (done) => connection.connect(done))
    return connection
  }

  #connect(): Connection {
    const { socket, user, database, password, host } = this.#server
    const isPrivate = this.#isEncrypted || socket !== undefined
    const connection = createConnection({
      stream: () => this.#wire,
      user,
      database,
      ...(socket !== undefined && { socketPath: socket }),
      ...(password && { password: driverPassword(password) }),
      ...(this.#isEncrypted && { ssl: {} }),
      authPlugins: passwordMethods(password?.revealBytes() ?? Buffer.alloc(0), isPrivate),
      // What the greeting does not tell the driver of either (mysql-packets.ts).
      flags: ['-LOCAL_FILES', '-MULTI_RESULTS', '-SESSION_TRACK', '-CLIENT_QUERY_ATTRIBUTES'],
      rowsAsArray: true,
      // Row parsers are otherwise made by eval, one for each kind of result.
      disableEval: true,
      // Room for all of them is allocated at once, by default for 16,000.
      maxPreparedStatements: 16,
      // The time limits are ours.
      connectTimeout: 0,
      charset: 'utf8mb4',
      // No stack for each statement: its errors are told as ours.
      trace: false,
    })
    // From the first moment: an error that nobody listens to ends the process.
    connection.on('error', (error) => this.#wire.fail(error))
    const ca = this.#mode.startsWith('verify') ? this.#server.sslCa : undefined
    const tls = { ca, host: socket === undefined ? host : 'localhost', verifiesHost: this.#mode === 'verify-identity' }
    // TLS is the wire's: the driver's verifies no address, and hides why it failed.
    const startTLS = (secured: () => void) =>
      void this.#wire.secure(tls).then(secured, (error) => this.#wire.fail(error))
    return Object.assign(connection, { startTLS })
  }
}

/** What a connection is made with. */
interface Session {
  wire: Wire
  place: string
  isMariaDb: boolean | undefined
  limitMs: number
  signal: AbortSignal
  warnings: readonly string[]
}

class MysqlConnection implements SqlConnection {
  readonly place: string
  readonly warnings: readonly string[]
  readonly dialect = mysqlDialect
  readonly #connection: Connection
  readonly #session: Session
  readonly #end = () => this.#session.wire.destroy()
  #before: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, session: Session) {
    this.#connection = connection
    this.#session = session
    this.place = session.place
    this.warnings = session.warnings
    session.signal.addEventListener('abort', this.#end, { once: true })
  }

  query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    return this.#next(async () => {
      const rows = await this.#send(sql, parameters)
      if (!Array.isArray(rows)) throw new ProtocolViolation('it answered a question without rows')
      return rows.map((row: readonly unknown[]) => row.map(plainValue))
    })
  }

  change(sql: string, parameters: readonly string[] = []): Promise<number> {
    return this.#next(async () => {
      const result = await this.#send(sql, parameters)
      const { affectedRows, serverStatus } = result as { affectedRows?: unknown; serverStatus?: unknown }
      if (typeof affectedRows !== 'number' || typeof serverStatus !== 'number')
        throw new ProtocolViolation('it answered a change with rows')
      // A server with autocommit = 0 would forget the change when the connection ends.
      if ((serverStatus & inTransaction) !== 0 || (serverStatus & autocommit) === 0) await this.#send('COMMIT', [])
      return affectedRows
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.signal.removeEventListener('abort', this.#end)
    this.#end()
  }

  /** One after the other: the time of a statement does not run while it waits for another. */
  #next<T>(statement: () => Promise<T>): Promise<T> {
    const answer = this.#before.then(() => this.#again(statement))
    this.#before = answer.catch(() => {})
    return answer
  }

  /** A change that lost against another is made again, with its commit. */
  async #again<T>(statement: () => Promise<T>): Promise<T> {
    const { signal, limitMs, wire } = this.#session
    const end = process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        return await withinLimit(statement(), limitMs, signal, wire)
      } catch (error) {
        // What has no number was not an answer: who knows what the next one would be.
        if (numberOf(error) === undefined) wire.fail(error)
        if (!isLockConflict(error) || attempt === retryLimit || process.hrtime.bigint() > end)
          throw explain(error, this.#session)
        await sleep(Math.random() * 20 * attempt, undefined, { signal })
      }
    }
  }

  #send(sql: string, parameters: readonly string[]): Promise<unknown> {
    return inTurn(this.#session.wire, (done) => {
      if (parameters.length > 0) this.#connection.execute(sql, [...parameters], done)
      else this.#connection.query(sql, done)
    })
  }
}

/** Whoever was interrupted hears of that alone. */
function explain(
  error: unknown,
  { place, isMariaDb, signal }: Pick<Session, 'place' | 'isMariaDb' | 'signal'>,
): unknown {
  return signal.aborted ? signal.reason : explainMysqlError(error, place, isMariaDb)
}

/** Waits for the driver's word, or for the wire's that there will be none. */
function inTurn<T>(
  wire: Wire,
  work: (done: (error: Error | null, result?: T) => void) => void,
): Promise<T | undefined> {
  const said = new Promise<T | undefined>((resolve, reject) =>
    work((error, result) => (error ? reject(error) : resolve(result))),
  )
  return Promise.race([wire.lost, said])
}

/** Waits for the work, the limit or the signal; the last two end the wire. */
async function withinLimit<T>(work: Promise<T>, limitMs: number, signal: AbortSignal, wire: Wire): Promise<T> {
  const timer = setTimeout(() => wire.fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), limitMs)
  const onAbort = () => wire.fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await work
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Texts, numbers and nulls: whatever else the server calls its columns is none of ours. */
function plainValue(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (value instanceof Buffer) return value.toString('latin1')
  throw new ProtocolViolation('it answered with values of another kind')
}

function unencryptedWarning({ host }: ServerAddress): string {
  return `the connection to ${host} is not encrypted: the key crosses the network in clear; set TLS up on the server, or name its CA with --db-ssl-ca`
}

/** The driver hashes bytes as they are, and wants a text by its types; its texts are UTF-8. */
function driverPassword(password: Secret): string {
  const bytes = password.revealBytes()
  return isUtf8(bytes) ? password.reveal() : (bytes as unknown as string)
}

function placeOf({ host, port, socket, database }: ServerAddress): string {
  return `${database} on ${socket ?? `${host.includes(':') ? `[${host}]` : host}:${port}`}`
}
