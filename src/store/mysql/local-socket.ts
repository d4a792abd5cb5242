/**
 * The unix socket of a server.
 *
 * - `localhost` means the socket where there is one, as for every client of MySQL and MariaDB: a server
 *   with skip-networking, or an account for @localhost alone, is reached by it only. As with those clients,
 *   `localhost` with another port than 3306 means TCP.
 * - A path, or `localhost`, that was given for this run is on the machine that runs us, as the file of
 *   `--db-password-file` is. One that a file inside `--root` names is inside that root: the maker of an
 *   image must not choose what is connected to outside of it.
 */
import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { KnownError } from '../../errors.ts'
import { resolveAccount } from '../../host/accounts.ts'
import { holdSocket, type SocketFile } from '../../host/files/socket-file.ts'
import { Host } from '../../host/host.ts'
import type { Settings } from '../../settings/resolve.ts'
import { quoteForShell } from '../../text/command-line.ts'

/** Where distributions, and MySQL itself, put the socket. */
const usualPlaces = [
  '/run/mysqld/mysqld.sock',
  '/var/run/mysqld/mysqld.sock',
  '/var/lib/mysql/mysql.sock',
  '/run/mysql/mysql.sock',
  '/tmp/mysql.sock',
]
const usualPort = 3306

export interface ServerSocket extends Disposable {
  /** The path as it was named, for people. */
  readonly path: string
  /** The path to connect to, until this is disposed. */
  readonly at: string
}

type SocketSettings = Pick<Settings, 'dbSocket' | 'dbHost' | 'dbPort' | 'given'>

/**
 * Opens the socket that these settings mean: the one that they name, else the first of the usual ones.
 * @returns undefined where they mean TCP
 * @throws KnownError `database-unreachable` where the root has no such socket; `refused-path`, `task-failed`
 */
export function openSocketOf(settings: SocketSettings, host: Host): ServerSocket | undefined {
  const { dbSocket, dbHost, dbPort, given } = settings
  const isInRoot = !host.isLive && !given.has(dbSocket === undefined ? 'dbHost' : 'dbSocket')
  const open = isInRoot ? (path: string) => openInRoot(host, path) : openOnMachine
  if (dbSocket !== undefined) return open(dbSocket)
  if (dbHost !== 'localhost' || dbPort !== usualPort) return undefined
  const look = isInRoot ? (path: string) => lookInRoot(host, path) : lookOnMachine
  const uidOfServer = () => uidOf('mysql', isInRoot ? host : new Host('/'))
  const found = usualPlaces.find((path) => {
    const there = look(path)
    if (!there?.socket.isSocket()) return false
    // In a folder that everybody can write, as /tmp, only a socket of root or of the server's account counts.
    return (there.folder.mode & 0o002) === 0 || there.socket.uid === 0 || there.socket.uid === uidOfServer()
  })
  return found === undefined ? undefined : open(found)
}

/** Nothing is checked here: connecting to it reports what is wrong. */
function openOnMachine(path: string): ServerSocket {
  return { path, at: path, [Symbol.dispose]: () => {} }
}

function openInRoot(host: Host, path: string): ServerSocket {
  const held = holdSocket(host.tree, path)
  if (held) return { path: host.outside(path), at: held.at, [Symbol.dispose]: () => held[Symbol.dispose]() }
  const hint = `a path that a file inside the root names is one inside it; for one of this machine: --db-socket ${quoteForShell(path)}`
  throw new KnownError('database-unreachable', `database: there is no socket ${host.outside(path)}`, hint)
}

interface SocketStats {
  socket: Stats
  folder: Stats
}

function lookOnMachine(path: string): SocketStats | undefined {
  try {
    return { socket: statSync(path), folder: statSync(dirname(path)) }
  } catch {
    return undefined
  }
}

function lookInRoot(host: Host, path: string): SocketStats | undefined {
  using held: SocketFile | undefined = undefinedIfRefused(() => holdSocket(host.tree, path))
  return held && { socket: held.stats, folder: held.folder }
}

function uidOf(account: string, host: Host): number | undefined {
  return undefinedIfRefused(() => resolveAccount(host.files, account).uid)
}

function undefinedIfRefused<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof KnownError) return undefined
    throw error
  }
}
