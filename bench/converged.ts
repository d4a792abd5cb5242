import { existsSync, linkSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { startMariaDb } from '../test/support/mariadb.ts'
import { Sandbox, socketOfRun } from '../test/support/sandbox.ts'

/** A machine on which a run of setup changes nothing. */
export interface ConvergedMachine {
  /** Where its table `config` lives. */
  store: 'SQLite' | 'SQLite of www-data' | 'MariaDB, TCP' | 'MariaDB, socket'
  sandbox: Sandbox
}

/** One machine a way to reach a store. Without a MariaDB server, those that need one are told and left out. */
export async function convergedMachines(
  stack: AsyncDisposableStack,
  skip: (what: string) => void,
): Promise<ConvergedMachine[]> {
  const hasServer = await startServer(stack, skip)
  const machines = [converge('SQLite', stack.use(await Sandbox.create('sqlite')))]
  if (process.getuid?.() === 0) {
    // As on a real machine: root works on a file of the service's account, with that account's rights and a timeout.
    const ofOwner = stack.use(await Sandbox.create('sqlite'))
    ofOwner.giveToOwner()
    machines.push(converge('SQLite of www-data', ofOwner))
  } else skip('SQLite of www-data: needs root')
  if (hasServer) {
    machines.push(converge('MariaDB, TCP', stack.use(await Sandbox.create('mysql'))))
    const onSocket = stack.use(await Sandbox.create('mysql', { socket: true }))
    putSocketInside(onSocket)
    machines.push(converge('MariaDB, socket', onSocket))
  }
  return Promise.all(machines)
}

async function startServer(stack: AsyncDisposableStack, skip: (what: string) => void): Promise<boolean> {
  if (!existsSync('/usr/sbin/mariadbd')) {
    skip('MariaDB: the package mariadb-server is not installed')
    return false
  }
  const server = stack.use(await startMariaDb())
  process.env.TEST_MARIADB_SOCKET = server.socket
  process.env.TEST_MARIADB_PORT = String(server.port)
  return true
}

/** A socket that a settings file inside a root names is one inside that root: the server's gets a second name there. */
export function putSocketInside(sandbox: Sandbox): void {
  const inside = sandbox.path(socketOfRun())
  mkdirSync(dirname(inside), { recursive: true })
  linkSync(socketOfRun(), inside)
}

/** Sets it up, and sees that a second run has nothing to do. */
async function converge(store: ConvergedMachine['store'], sandbox: Sandbox): Promise<ConvergedMachine> {
  const first = await sandbox.setup()
  const second = await sandbox.setup()
  if (first.code !== 0 || !second.stdout.includes('changed=0')) {
    throw new Error(`${store} does not converge: ${first.stderr}${second.stdout}${second.stderr}`)
  }
  return { store, sandbox }
}
