/**
 * The unix socket of a server.
 *
 * - `localhost` is the socket where there is one, as for every client of MySQL and MariaDB: a server
 *   with skip-networking, or an account for @localhost alone, is reached by it only. As there, whoever
 *   names another port means TCP.
 * - A path, or `localhost`, that was given for this run means the machine that runs us, as
 *   `--db-password-file` does. One that a file inside `--root` names is one inside that root: who made
 *   the image does not choose what is connected to outside.
 */
import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { KnownError } from '../../errors.ts'
import { resolveAccount } from '../../host/accounts.ts'
import { holdSocket, type SocketFile } from '../../host/files/socket-file.ts'
import { Host } from '../../host/host.ts'
import type { Settings } from '../../settings/resolve.ts'

/** Where distributions, and MySQL itself, put it. */
const usualPlaces = [
  '/run/mysqld/mysqld.sock',
  '/var/run/mysqld/mysqld.sock',
  '/var/lib/mysql/mysql.sock',
  '/run/mysql/mysql.sock',
  '/tmp/mysql.sock',
]
const usualPort = 3306

export interface ServerSocket extends Disposable {
  /** As it was named, for people. */
  readonly path: string
  /** To connect to, while this is not disposed. */
  readonly at: string
}

type Meant = Pick<Settings, 'dbSocket' | 'dbHost' | 'dbPort' | 'given'>

/**
 * The socket that these settings mean, the one that they name before any other.
 * @returns undefined where they mean TCP
 * @throws KnownError `database-unreachable` where the root has no such socket; `refused-path`, `task-failed`
 */
export function openSocketOf(settings: Meant, host: Host): ServerSocket | undefined {
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
    // In a folder like /tmp anybody could have put one.
    return (there.folder.mode & 0o002) === 0 || there.socket.uid === 0 || there.socket.uid === uidOfServer()
  })
  return found === undefined ? undefined : open(found)
}

/** What is wrong with it, the connection tells. */
function openOnMachine(path: string): ServerSocket {
  return { path, at: path, [Symbol.dispose]: () => {} }
}

function openInRoot(host: Host, path: string): ServerSocket {
  const held = holdSocket(host.tree, path)
  if (held) return { path: host.outside(path), at: held.at, [Symbol.dispose]: () => held[Symbol.dispose]() }
  const hint = `a path that a file inside the root names is one inside it; for one of this machine: --db-socket ${path}`
  throw new KnownError('database-unreachable', `database: there is no socket ${host.outside(path)}`, hint)
}

interface Seen {
  socket: Stats
  folder: Stats
}

function lookOnMachine(path: string): Seen | undefined {
  try {
    return { socket: statSync(path), folder: statSync(dirname(path)) }
  } catch {
    return undefined
  }
}

function lookInRoot(host: Host, path: string): Seen | undefined {
  using held: SocketFile | undefined = unlessRefused(() => holdSocket(host.tree, path))
  return held && { socket: held.stats, folder: held.folder }
}

function uidOf(account: string, host: Host): number | undefined {
  return unlessRefused(() => resolveAccount(host.files, account).uid)
}

function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof KnownError) return undefined
    throw error
  }
}
