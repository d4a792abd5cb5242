import { existsSync } from 'node:fs'
import { type MariaDb, startMariaDb } from '../test/support/mariadb.ts'
import { Sandbox } from '../test/support/sandbox.ts'

/** A machine on which a run of setup changes nothing. */
export interface ConvergedMachine extends AsyncDisposable {
  /** Where its table `config` lives. */
  store: string
  root: string
}

/** One machine a way to reach a store. Without a MariaDB server, those that need one are told and left out. */
export async function convergedMachines(
  stack: AsyncDisposableStack,
  skip: (what: string) => void,
): Promise<ConvergedMachine[]> {
  const server = stack.use(await startServer(skip))
  const machines = [converged('SQLite', await Sandbox.create('sqlite'))]
  if (server) {
    machines.push(converged('MariaDB, TCP', await Sandbox.create('mysql')))
    machines.push(converged('MariaDB, socket', await Sandbox.create('mysql', { socket: true })))
  }
  return (await Promise.all(machines)).map((machine) => stack.use(machine))
}

async function startServer(skip: (what: string) => void): Promise<MariaDb | null> {
  if (!existsSync('/usr/sbin/mariadbd')) {
    skip('MariaDB: the package mariadb-server is not installed')
    return null
  }
  const server = await startMariaDb()
  process.env.TEST_MARIADB_SOCKET = server.socket
  process.env.TEST_MARIADB_PORT = String(server.port)
  return server
}

/** Sets it up, and sees that a second run has nothing to do. */
async function converged(store: string, sandbox: Sandbox): Promise<ConvergedMachine> {
  const first = await sandbox.setup()
  const second = await sandbox.setup()
  if (first.code !== 0 || !second.stdout.includes('changed=0')) {
    throw new Error(`${store} does not converge: ${first.stderr}${second.stdout}${second.stderr}`)
  }
  return { store, root: sandbox.root, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() }
}
