/**
 * `localhost` is the server's unix socket where there is one, as for every client of MySQL and
 * MariaDB: a server with skip-networking, or an account for @localhost alone, is reached by it only.
 * As there, whoever names another port means TCP.
 */
import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { KnownError } from '../errors.ts'
import { resolveAccount } from '../host/accounts.ts'
import { Host } from '../host/host.ts'
import type { Settings } from '../settings/resolve.ts'

/** Where distributions, and MySQL itself, put it. */
const usualPlaces = [
  '/run/mysqld/mysqld.sock',
  '/var/run/mysqld/mysqld.sock',
  '/var/lib/mysql/mysql.sock',
  '/run/mysql/mysql.sock',
  '/tmp/mysql.sock',
]
const usualPort = 3306

/** The socket that these settings mean, the one that they name before any other. */
export function socketOf({ dbSocket, dbHost, dbPort }: Settings): string | undefined {
  if (dbSocket !== undefined || dbHost !== 'localhost' || dbPort !== usualPort) return dbSocket
  return usualPlaces.find((path) => {
    const [socket, folder] = [look(path), look(dirname(path))]
    if (!socket?.isSocket() || !folder) return false
    // In a folder like /tmp anybody could have put one.
    return (folder.mode & 0o002) === 0 || socket.uid === 0 || socket.uid === uidOfServer()
  })
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function uidOfServer(): number | undefined {
  try {
    return resolveAccount(new Host('/').files, 'mysql').uid
  } catch (error) {
    if (error instanceof KnownError) return undefined
    throw error
  }
}
