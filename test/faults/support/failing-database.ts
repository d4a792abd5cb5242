/** A server that fails when a statement of a command is on its way: every way to fail, at every statement. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { byExtent, extent, isLong, sample } from '../../support/extent.ts'
import { type MariaDb, query, startMariaDb } from '../../support/mariadb.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import { stopProcess } from '../../support/stopped.ts'
import { type Fate, type StatementProxy, startProxy } from './proxy.ts'
import { Scene, type StartingState } from './scene.ts'
import type { Needs } from './strace.ts'
import { startTally } from './tally.ts'

/** One way for a server to fail when a statement is on its way. */
interface Failure {
  name: string
  fail(server: MariaDb, sandbox: Sandbox): Promise<Fate>
  /** Makes it well again. */
  heal(server: MariaDb, sandbox: Sandbox): Promise<unknown>
  /** The exit code, wherever it strikes; 0 where the run was through with what failed. */
  exits: readonly number[]
  /** It lasts until a time limit of ten seconds. */
  isSlow?: true
}

const nothing = async () => {}
/** Runs a statement as the server's administrator. */
export const administer = (server: MariaDb, sql: string) => query(server.socket, undefined, sql)

const failures: readonly Failure[] = [
  { name: 'the request is cut off', fail: async () => 'cut-request', heal: nothing, exits: [75] },
  { name: 'the answer is cut off', fail: async () => 'cut-answer', heal: nothing, exits: [75] },
  // A statement that lost against another one is tried again.
  { name: 'a deadlock is found (1213)', fail: async () => ({ error: 1213 }), heal: nothing, exits: [0] },
  { name: 'a lock was held too long (1205)', fail: async () => ({ error: 1205 }), heal: nothing, exits: [0] },
  { name: 'a record was changed meanwhile (1020)', fail: async () => ({ error: 1020 }), heal: nothing, exits: [0] },
  {
    name: 'the server is killed',
    fail: (server) => server.kill().then(() => 'pass'),
    heal: (server) => server.restart(),
    exits: [75],
  },
  {
    name: 'the server is killed and started again',
    async fail(server) {
      await server.kill()
      await server.restart()
      return 'pass'
    },
    heal: nothing,
    exits: [75],
  },
  {
    name: 'the server becomes read-only',
    fail: (server) => administer(server, 'SET GLOBAL read_only = 1').then(() => 'pass'),
    heal: (server) => administer(server, 'SET GLOBAL read_only = 0'),
    exits: [0, 75],
  },
  {
    name: 'the rights are revoked',
    fail: (server, { database }) =>
      administer(server, `REVOKE ALL ON ${database}.* FROM ${database}@localhost`).then(() => 'pass'),
    heal: (server, { database }) => administer(server, `GRANT ALL ON ${database}.* TO ${database}@localhost`),
    exits: [0, 2],
  },
  {
    name: 'the server is frozen',
    async fail(server) {
      await stopProcess(server.pid)
      return 'pass'
    },
    heal: async (server) => process.kill(server.pid, 'SIGCONT'),
    exits: [75],
    isSlow: true,
  },
]

/** A server of a file's own, which can be broken, and the proxy before it. */
export class BreakableServer {
  readonly server: MariaDb
  readonly proxy: StatementProxy

  private constructor(server: MariaDb, proxy: StatementProxy) {
    this.server = server
    this.proxy = proxy
  }

  static async start(): Promise<BreakableServer> {
    const server = await startMariaDb()
    // Sandboxes of this file live there.
    process.env.TEST_MARIADB_SOCKET = server.socket
    process.env.TEST_MARIADB_PORT = String(server.port)
    return new BreakableServer(server, await startProxy(server.port))
  }

  createScene(state: StartingState): Promise<Scene> {
    return Scene.create('mysql', state, ['--db-port', String(this.proxy.port)])
  }

  async countStatements(state: StartingState): Promise<number> {
    await using scene = await this.createScene(state)
    let count = 0
    this.proxy.onStatement = (number) => {
      count = number
      return 'pass'
    }
    assert.equal((await scene.run()).code, 0)
    return count
  }

  async failAt(failure: Failure, number: number, state: StartingState): Promise<void> {
    const { server, proxy } = this
    await using scene = await this.createScene(state)
    let striking: Promise<Fate> | undefined
    proxy.onStatement = (at) => {
      if (at !== number) return 'pass'
      striking = failure.fail(server, scene.sandbox)
      return striking
    }
    const failed = await scene.run()
    await striking
    await failure.heal(server, scene.sandbox)
    proxy.onStatement = () => 'pass'
    assert.ok(failure.exits.includes(failed.code ?? -1), `exit ${failed.code}: ${failed.stderr}`)
    if (failed.code !== 0) assert.match(failed.stderr, /\nhint: /)
    await scene.assertRecovers()
  }

  async stop(): Promise<void> {
    await this.proxy[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

let started: Promise<BreakableServer> | undefined

/** One for all tests of a file, which stops it at its end. */
export function serverOfFile(): Promise<BreakableServer> {
  started ??= BreakableServer.start()
  return started
}

async function stopServer(): Promise<void> {
  const server = started
  started = undefined
  await (await server)?.stop()
}

/** What the server is broken under. */
interface Breaking {
  /** The last of them stands for all, but in long runs. */
  states: readonly StartingState[]
  /** For people. */
  command: string
  needs: Partial<Needs>
  /** How many of the ways to fail are in a sample. */
  ways: number
}

/** Breaks the server of the file at the statements of a command, and looks that it says so and that nothing is lost. */
export function testFailingDatabase({ states, command, needs, ways }: Breaking): void {
  const tally = startTally('failing database')
  after(stopServer)
  for (const failure of extent === 'sample' ? sample(failures, ways) : failures) {
    test(`when ${failure.name}, at any statement, ${command} says so, generates nothing and converges later`, {
      skip: needs.skip || (failure.isSlow && !isLong && 'it takes minutes: npm run test:faults'),
    }, async () => {
      const breakable = await serverOfFile()
      for (const state of isLong && !failure.isSlow ? states : states.slice(-1)) {
        const statements = Array.from({ length: await breakable.countStatements(state) }, (_, index) => index + 1)
        const count = byExtent({ long: statements.length, all: 3, sample: 1 })
        for (const number of sample(statements, count)) {
          tally.add(`a failure at each statement of ${command}`, 1)
          await breakable.failAt(failure, number, state).catch((error: unknown) => {
            throw new Error(`${state.name}, statement ${number}`, { cause: error })
          })
        }
      }
    })
  }
}
