/** A Galera cluster of its own, on loopback: MariaDB nodes that all take writes. Needs root, and galera-4. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, query } from '../../support/mariadb.ts'

const provider = '/usr/lib/galera/libgalera_smm.so'
const startLimitMs = 60_000

/** For tests. */
export const needsGalera = {
  skip:
    (process.getuid?.() !== 0 && 'it needs root') ||
    (!(existsSync(provider) && existsSync('/usr/bin/rsync')) && 'galera-4 and rsync are not installed'),
}

interface GaleraNode {
  socket: string
  port: number
  pid: number
}

export interface GaleraCluster extends AsyncDisposable {
  nodes: readonly GaleraNode[]
}

export async function startCluster(size: number): Promise<GaleraCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-galera-'))
  const servers: ChildProcess[] = []
  const nodes: GaleraNode[] = []
  const groupPorts = await Promise.all(Array.from({ length: size }, freePort))
  execFileSync('chown', ['mysql', folder])
  for (const [index, groupPort] of groupPorts.entries()) {
    const own = join(folder, `node${index}`)
    mkdirSync(join(own, 'tmp'), { recursive: true })
    execFileSync('chown', ['-R', 'mysql', own])
    const places = ['--no-defaults', '--user=mysql', `--datadir=${own}/data`, `--tmpdir=${own}/tmp`]
    // The first node's data are the cluster's; the others get them from it, accounts too.
    const install = ['--auth-root-authentication-method=socket', '--auth-root-socket-user=root', '--skip-test-db']
    execFileSync('mariadb-install-db', [...places, ...install], { stdio: 'ignore' })
    const [port, incremental, transfer] = [await freePort(), await freePort(), await freePort()]
    const group = [
      `gmcast.listen_addr=tcp://127.0.0.1:${groupPort}`,
      `base_port=${groupPort}`,
      `ist.recv_addr=127.0.0.1:${incremental}`,
      'gcache.size=16M',
    ]
    const socket = join(own, 'socket')
    const server = spawn(
      'mariadbd',
      [
        ...places,
        `--socket=${socket}`,
        `--port=${port}`,
        `--pid-file=${own}/pid`,
        `--log-error=${own}/log`,
        '--bind-address=127.0.0.1',
        '--max-connections=300',
        '--binlog-format=ROW',
        '--innodb-autoinc-lock-mode=2',
        '--innodb-buffer-pool-size=32M',
        '--wsrep-on=ON',
        `--wsrep-provider=${provider}`,
        `--wsrep-provider-options=${group.join(';')}`,
        `--wsrep-cluster-address=gcomm://${index === 0 ? '' : `127.0.0.1:${groupPorts[0]}`}`,
        '--wsrep-node-address=127.0.0.1',
        '--wsrep-sst-method=rsync',
        `--wsrep-sst-receive-address=127.0.0.1:${transfer}`,
      ],
      { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } },
    )
    servers.push(server)
    nodes.push({ socket, port, pid: server.pid ?? 0 })
    await untilJoined(socket, server, index + 1, join(own, 'log'))
  }
  return {
    nodes,
    async [Symbol.asyncDispose]() {
      // One that a test has killed has ended.
      for (const server of servers
        .reverse()
        .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
        const ended = new Promise((resolve) => server.once('exit', resolve))
        server.kill('SIGTERM')
        await ended
      }
      rmSync(folder, { recursive: true })
    },
  }
}

async function untilJoined(socket: string, server: ChildProcess, size: number, log: string): Promise<void> {
  const sql = `SELECT variable_value FROM information_schema.global_status
    WHERE variable_name IN ('wsrep_cluster_size', 'wsrep_ready') ORDER BY variable_name`
  for (const end = Date.now() + startLimitMs; ; await sleep(100)) {
    if (server.exitCode !== null) throw new Error(`a node ended with ${server.exitCode}, see ${log}`)
    const status = await query(socket, undefined, sql).catch(() => [])
    if (status.flat().join() === `${size},ON`) return
    if (Date.now() > end) throw new Error(`a node did not join in time, see ${log}`)
  }
}
