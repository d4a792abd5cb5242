import { KnownError } from '../errors.ts'
import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import type { Rights } from '../host/processes/rights/rights.ts'
import { paths } from '../paths.ts'
import { requireStore } from '../settings/require-store.ts'
import type { Settings } from '../settings/resolve.ts'
import { type Server, serversOf } from '../settings/values/servers.ts'
import type { ConfigStore, Watch } from './config-store.ts'
import { openSocketOf } from './mysql/local-socket.ts'
import type { MysqlOptions, ServerAddress } from './mysql/mysql.ts'

/** How a store is opened; each has a default. */
export interface StoreOptions {
  /** Wraps each wait for a server. */
  watch?: Watch | undefined
  /** Embedded store: how long a call may hold up this process while another program holds the store, in milliseconds. */
  patienceMs?: number | undefined
  /** Embedded store: seconds for one piece of root's work on the owner's file; after that the process is killed. */
  workSeconds?: number
}

/**
 * Opens the configured store. The embedded one is opened with the rights of its owner; a server
 * does not care who that is.
 * @throws KnownError as ConfigStore says, and `configuration` when none is configured
 */
export async function openStore(
  settings: Settings,
  host: Host,
  owner: () => Ids,
  signal: AbortSignal,
  { watch, patienceMs, workSeconds }: StoreOptions = {},
): Promise<ConfigStore> {
  if (requireStore(settings) === 'sqlite') {
    const [{ openSqliteStore }, { EmbeddedFile }] = await Promise.all([
      import('./sqlite/sqlite.ts'),
      import('./sqlite/embedded-file.ts'),
    ])
    const rights = await rightsOnStore(host, owner(), workSeconds)
    return await openSqliteStore(new EmbeddedFile(host, owner(), rights), rights, patienceMs)
  }
  return await openServer(settings, host, { signal, watch })
}

/** Timeout for the connection to each of several servers: long enough for a slow machine that is up. */
const connectLimitMs = 5000

async function openServer(settings: Settings, host: Host, given: MysqlOptions): Promise<ConfigStore> {
  const { openConnection, openMysqlStore } = await import('./mysql/mysql.ts')
  const { dbName, dbUser = '', dbSslMode, password } = settings
  const inTree = { ...given, root: host.tree.root }
  const sslCa = certificateFor(settings, host)
  const account = {
    database: dbName,
    user: dbUser,
    ...(password && { password: password.secret }),
    ...(dbSslMode !== undefined && { sslMode: dbSslMode }),
    ...(sslCa !== undefined && { sslCa }),
  }
  const [first, ...others] = serversOf(settings)
  const connect = async <T>(server: Server, open: (address: ServerAddress) => Promise<T>): Promise<T> => {
    using socket = openSocketOf({ ...settings, dbHost: server.host, dbPort: server.port }, host)
    return await open({ ...account, ...server, ...(socket && { socket: socket.path, socketAt: socket.at }) })
  }
  // A socket is one server, whatever hosts a less important source names.
  if (others.length === 0 || settings.dbSocket !== undefined)
    return await connect(first, (address) => openMysqlStore(address, inTree))
  const { openFirstThatTakesWrites } = await import('./mysql/several-servers.ts')
  const options = { ...inTree, connectLimitMs }
  return await openFirstThatTakesWrites(
    [first, ...others].map((server) => () => connect(server, (address) => openConnection(address, options))),
  )
}

/**
 * Root's work on the owner's file has a time limit: the owner may change the file at any instant, and make it
 * endless.
 */
async function rightsOnStore(host: Host, owner: Ids, workSeconds?: number): Promise<Rights> {
  const rights = host.rightsOf(owner)
  if (process.geteuid?.() !== 0 || owner.uid === 0) return rights
  const { Watchdog } = await import('../host/processes/rights/watchdog.ts')
  const place = host.outside(paths.storeFile)
  const hint = `run again; if it comes back, the file may be made for that: restore ${place} from a backup, or move it away`
  return new Watchdog(rights, `database ${place}`, hint, workSeconds)
}

/** Loads the driver of the configured store, for a process that will lose the right to read the program's files. */
export async function importStore(settings: Settings): Promise<void> {
  if (requireStore(settings) === 'sqlite')
    await Promise.all([import('./sqlite/sqlite.ts'), import('./sqlite/embedded-file.ts'), import('node:sqlite')])
  else await Promise.all([import('./mysql/mysql.ts'), import('./mysql/several-servers.ts')])
}

/**
 * The CA that the server is verified with. One beside a mode that does not verify is refused: somebody relies on it.
 */
function certificateFor({ dbSslMode, dbSslCa, sources }: Settings, host: Host): string | undefined {
  const verifies = dbSslMode?.startsWith('verify') === true
  if (!verifies && dbSslCa !== undefined) {
    const hint = 'choose verify-identity or verify-ca, or take the CA away'
    const message = `${sources.dbSslCa} has no effect with mode ${dbSslMode} of ${sources.dbSslMode}`
    throw new KnownError('configuration', message, hint)
  }
  if (!verifies) return undefined
  if (dbSslCa !== undefined) return readCertificate(host, dbSslCa)
  const hint = 'name the CA of the server, or that of the system: --db-ssl-ca /etc/ssl/certs/ca-certificates.crt'
  throw new KnownError('configuration', `--db-ssl-mode ${dbSslMode} needs a CA, and there is no --db-ssl-ca`, hint)
}

function readCertificate(host: Host, path: string): string {
  const found = host.files.read(path, { followLast: true })
  if (!found)
    throw new KnownError('configuration', `--db-ssl-ca: ${path} does not exist`, 'name the file of the CA certificate')
  const text = found.bytes.toString('latin1')
  if (!text.includes('-----BEGIN CERTIFICATE-----') && !text.includes('-----BEGIN TRUSTED CERTIFICATE-----'))
    throw new KnownError('configuration', `--db-ssl-ca: ${path} holds no certificate`, 'name a PEM file of the CA')
  return text
}
