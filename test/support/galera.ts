/** A Galera cluster of a test's own: MariaDB nodes that all take writes. Needs root, and galera-4. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, query } from './mariadb.ts'

const provider = '/usr/lib/galera/libgalera_smm.so'
/** More than it takes on a busy machine, the data of another node included. */
const startLimitMs = 180_000

/** For tests. */
export const needsGalera = {
  skip:
    (process.getuid?.() !== 0 && 'it needs root') ||
    (!(existsSync(provider) && existsSync('/usr/bin/rsync')) && 'galera-4 and rsync are not installed'),
}

/** Where a node is in the network. */
export interface NodePlace {
  /** What goes in front of its program, so that it runs in a network of its own. */
  prefix: readonly string[]
  /** Where clients reach it, and the other nodes. They may be two networks. */
  address: { clients: string; group: string }
  /** For clients. */
  port: number
}

/** As many places on loopback, apart by their ports. */
export async function placesOnLoopback(count: number): Promise<NodePlace[]> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const address = { clients: '127.0.0.1', group: '127.0.0.1' }
  return ports.map((port) => ({ prefix: [], address, port }))
}

export interface GaleraCluster extends AsyncDisposable {
  nodes: readonly GaleraNode[]
}

/** @returns the cluster when all nodes have joined it */
export async function startCluster(places: readonly NodePlace[]): Promise<GaleraCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-galera-'))
  execFileSync('chown', ['mysql', folder])
  const groupPorts = await Promise.all(places.map(freePort))
  const members = places.map(({ address }, index) => `${address.group}:${groupPorts[index]}`)
  const nodes: GaleraNode[] = []
  const cluster = {
    nodes,
    async [Symbol.asyncDispose]() {
      for (const node of nodes.toReversed()) await node.stop()
      rmSync(folder, { recursive: true })
    },
  }
  try {
    for (const [index, place] of places.entries()) {
      const ports = { group: groupPorts[index] ?? 0, incremental: await freePort(), transfer: await freePort() }
      const node = new GaleraNode(place, join(folder, `node${index}`), ports, members)
      nodes.push(node)
      // The first node's data are the cluster's; the others get them from it, accounts too.
      await (index === 0 ? node.found() : node.join())
    }
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

/** What a node says of itself, of SHOW STATUS. */
type StatusName =
  | 'wsrep_cluster_size'
  | 'wsrep_cluster_status'
  | 'wsrep_local_bf_aborts'
  | 'wsrep_local_cert_failures'
  | 'wsrep_local_state_comment'

export class GaleraNode {
  readonly socket: string
  /** For clients. */
  readonly address: string
  readonly port: number
  readonly #command: readonly string[]
  readonly #log: string
  readonly #members: readonly string[]
  #server: ChildProcess | undefined

  constructor(
    place: NodePlace,
    folder: string,
    ports: { group: number; incremental: number; transfer: number },
    members: readonly string[],
  ) {
    for (const name of ['data', 'tmp']) mkdirSync(join(folder, name), { recursive: true })
    execFileSync('chown', ['-R', 'mysql', folder])
    const { clients, group } = place.address
    this.address = clients
    this.port = place.port
    this.socket = join(folder, 'socket')
    this.#log = join(folder, 'log')
    this.#members = members.filter((member) => member !== `${group}:${ports.group}`)
    const options = [
      `gmcast.listen_addr=tcp://${group}:${ports.group}`,
      `base_port=${ports.group}`,
      `ist.recv_addr=${group}:${ports.incremental}`,
      'gcache.size=16M',
    ]
    this.#command = [
      ...place.prefix,
      'mariadbd',
      ...placesOf(folder),
      `--socket=${this.socket}`,
      `--port=${this.port}`,
      `--pid-file=${folder}/pid`,
      `--log-error=${this.#log}`,
      `--bind-address=${clients}`,
      '--max-connections=300',
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      '--innodb-buffer-pool-size=32M',
      // Whoever joins gets a copy of it, too.
      '--innodb-log-file-size=8M',
      '--wsrep-on=ON',
      `--wsrep-provider=${provider}`,
      `--wsrep-provider-options=${options.join(';')}`,
      `--wsrep-node-address=${group}`,
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=${group}:${ports.transfer}`,
    ]
  }

  get pid(): number {
    return this.#server?.pid ?? 0
  }

  /** Starts it as the first node of a new cluster. */
  async found(): Promise<void> {
    const install = ['--auth-root-authentication-method=socket', '--auth-root-socket-user=root', '--skip-test-db']
    execFileSync('mariadb-install-db', [...placesOf(join(this.socket, '..')), ...install], { stdio: 'ignore' })
    await this.#start('gcomm://')
  }

  /** Starts it, the first time or again, beside the others. @returns when it has their data and takes writes */
  async join(): Promise<void> {
    await this.#start(`gcomm://${this.#members.join()}`)
  }

  /** SIGKILL: as if the machine had gone. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** @returns undefined while it does not answer */
  async status(name: StatusName): Promise<string | undefined> {
    const [[, value] = []] = await query(this.socket, undefined, `SHOW STATUS LIKE '${name}'`).catch(() => [])
    return value === undefined ? undefined : String(value)
  }

  /** It has a cluster with a quorum, and all that the cluster has. */
  async isSynced(): Promise<boolean> {
    return (await this.status('wsrep_local_state_comment')) === 'Synced'
  }

  async #start(members: string): Promise<void> {
    const [program = '', ...args] = [...this.#command, `--wsrep-cluster-address=${members}`]
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
    const server = spawn(program, args, { stdio: 'ignore', env })
    this.#server = server
    for (const end = Date.now() + startLimitMs; !(await this.isSynced()); await sleep(100)) {
      if (server.exitCode !== null) throw this.#problem(`ended with ${server.exitCode}`)
      if (Date.now() > end) throw this.#problem('did not join in time')
    }
  }

  #problem(what: string): Error {
    const lines = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n') : []
    return new Error(`a node ${what}: ${lines.filter((line) => line.includes('[ERROR]')).join('; ')}`)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#server
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill(signal)
    await ended
  }
}

function placesOf(folder: string): string[] {
  return ['--no-defaults', '--user=mysql', `--datadir=${folder}/data`, `--tmpdir=${folder}/tmp`]
}
