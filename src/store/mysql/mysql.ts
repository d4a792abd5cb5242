import { isUtf8 } from 'node:buffer'
import { type Connection, createConnection } from 'mysql2'
import { KnownError } from '../../errors.ts'
import type { Secret } from '../../text/secret.ts'
import { type ConfigStore, type Watch, waitInSilence } from '../config-store.ts'
import { ConfigTable } from '../config-table.ts'
import { callDriver, explainUnlessAborted, MysqlConnection, withTimeout } from './connection.ts'
import { mayDemandTls } from './errors.ts'
import { loginRules, passwordMethods, type SslMode, usesTls } from './security.ts'
import { Wire } from './wire.ts'

/** How to reach a MySQL or MariaDB server. */
export interface ServerAddress {
  host: string
  port: number
  /** A unix socket, instead of host and port. */
  socket?: string
  /** The path to connect to, where that differs from `socket`. */
  socketAt?: string
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
  /** The tree that is worked on, for the commands of hints; the machine itself where it is absent. */
  root?: string
  watch?: Watch | undefined
  /** Milliseconds for the connection, and for each statement. */
  limitMs?: number
  /** Milliseconds for the connection, where that is less. */
  connectLimitMs?: number
}

const defaultLimitMs = 10_000

/** @throws KnownError as ConfigStore says */
export async function openMysqlStore(server: ServerAddress, options: MysqlOptions): Promise<ConfigStore> {
  return new ConfigTable(await openConnection(server, options))
}

/** @throws KnownError as ConfigStore says */
export async function openConnection(server: ServerAddress, options: MysqlOptions): Promise<MysqlConnection> {
  options.signal.throwIfAborted()
  return open(server, options, false)
}

/** Opens a connection. Within this machine TLS is tried only after the server has refused a connection without it. */
async function open(server: ServerAddress, options: MysqlOptions, demandsTls: boolean): Promise<MysqlConnection> {
  const opening = new Opening(server, options, demandsTls)
  try {
    return await opening.run()
  } catch (error) {
    if (!opening.mayNeedTls(error)) throw opening.explain(error)
    return open(server, options, true)
  }
}

/** Opens one connection: from the socket to the end of the login. */
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
      server.socket === undefined
        ? { host: server.host, port: server.port }
        : { path: server.socketAt ?? server.socket },
    )
  }

  async run(): Promise<MysqlConnection> {
    const {
      limitMs = defaultLimitMs,
      connectLimitMs = limitMs,
      signal,
      root = '/',
      watch = waitInSilence,
    } = this.#options
    const place = placeOf(this.#server)
    const login = withTimeout(this.#logIn(), connectLimitMs, signal, this.#wire)
    const connection = await watch(`database ${place}`, login).catch((error: unknown) => {
      this.#wire.fail(error)
      throw error
    })
    return new MysqlConnection(connection, {
      wire: this.#wire,
      place,
      root,
      isMariaDb: this.#isMariaDb,
      limitMs,
      signal,
      watch,
      warnings: this.#isEncrypted || this.#wire.staysHere ? [] : [unencryptedWarning(this.#server)],
    })
  }

  explain(error: unknown): unknown {
    const { signal, root = '/' } = this.#options
    const session = { place: placeOf(this.#server), isMariaDb: this.#isMariaDb, root, signal }
    const explained = explainUnlessAborted(error, session)
    if (!this.#couldUseTls || !mayDemandTls(error) || !(explained instanceof KnownError)) return explained
    const hint = `${explained.hint}; the account or the server may demand TLS: --db-ssl-mode required`
    return new KnownError(explained.code, explained.message, hint, { cause: error })
  }

  /**
   * The server refuses the account, and might accept it with TLS, which is not asked for at once within this machine.
   */
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
    await callDriver(wire, (done) => connection.connect(done))
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
      // Capabilities that are taken out of the greeting, too (packets.ts).
      flags: ['-LOCAL_FILES', '-MULTI_RESULTS', '-SESSION_TRACK', '-CLIENT_QUERY_ATTRIBUTES'],
      rowsAsArray: true,
      // Without this the driver makes row parsers by eval, one for each kind of result.
      disableEval: true,
      // The driver allocates room for all of them at once, by default for 16,000.
      maxPreparedStatements: 16,
      // The timeouts are ours (withTimeout).
      connectTimeout: 0,
      charset: 'utf8mb4',
      // No stack trace for each statement: its errors become KnownErrors.
      trace: false,
    })
    // From the first moment: an error that nobody listens to ends the process.
    connection.on('error', (error) => this.#wire.fail(error))
    const ca = this.#mode.startsWith('verify') ? this.#server.sslCa : undefined
    const tls = { ca, host: socket === undefined ? host : 'localhost', verifiesHost: this.#mode === 'verify-identity' }
    // The wire does TLS, not the driver: that verifies no IP address, and hides why it failed.
    const startTLS = (secured: () => void) =>
      void this.#wire.secure(tls).then(secured, (error) => this.#wire.fail(error))
    return Object.assign(connection, { startTLS })
  }
}

function unencryptedWarning({ host }: ServerAddress): string {
  return `the connection to ${host} is not encrypted: the key crosses the network in clear; set TLS up on the server, or name its CA with --db-ssl-ca`
}

/** The driver's types ask for a text, which it encodes in UTF-8. It takes bytes, too, and hashes them as they are. */
function driverPassword(password: Secret): string {
  const bytes = password.revealBytes()
  return isUtf8(bytes) ? password.reveal() : (bytes as unknown as string)
}

function placeOf({ host, port, socket, database }: ServerAddress): string {
  return `${database} on ${socket ?? `${host.includes(':') ? `[${host}]` : host}:${port}`}`
}
