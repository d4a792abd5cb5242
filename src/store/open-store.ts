import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ids } from '../host/look.ts'
import { requireStore } from '../settings/require-store.ts'
import type { Settings } from '../settings/resolve.ts'
import type { ConfigStore } from './config-store.ts'

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
): Promise<ConfigStore> {
  if (requireStore(settings) === 'sqlite') {
    const [{ openSqliteStore }, { EmbeddedFile }] = await Promise.all([
      import('./sqlite.ts'),
      import('./embedded-file.ts'),
    ])
    const rights = host.rightsOf(owner())
    return await openSqliteStore(new EmbeddedFile(host, owner(), rights), rights)
  }
  const { openMysqlStore } = await import('./mysql.ts')
  const { dbHost, dbPort, dbSocket, dbName, dbUser = '', dbSslCa, password } = settings
  return openMysqlStore(
    {
      host: dbHost,
      port: dbPort,
      database: dbName,
      user: dbUser,
      ...(dbSocket !== undefined && { socket: dbSocket }),
      ...(password && { password: password.secret }),
      ...(dbSslCa !== undefined && { sslCa: readCertificate(host, dbSslCa) }),
    },
    { signal },
  )
}

/** Loads the driver of the configured store, for a process that may not read it later. */
export async function importStore(settings: Settings): Promise<void> {
  if (requireStore(settings) === 'sqlite')
    await Promise.all([import('./sqlite.ts'), import('./embedded-file.ts'), import('node:sqlite')])
  else await import('./mysql.ts')
}

function readCertificate(host: Host, path: string): string {
  const found = host.files.read(path, { followLast: true })
  if (!found)
    throw new KnownError('configuration', `--db-ssl-ca: ${path} does not exist`, 'name the file of the CA certificate')
  return found.bytes.toString('utf8')
}
