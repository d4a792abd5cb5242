/**
 * Several servers are tried in order, and the first that takes writes is used, as libpq does with
 * `target_session_attrs=read-write`.
 *
 * 1. A server that does not answer, is not ready (a Galera node without its cluster) or is read-only is passed over,
 *    with a warning.
 * 2. An error that trying again does not repair, such as a refused password or certificate, ends the search: the next
 *    server would answer the same, and it gets no password after a sign that something is wrong.
 * 3. Where none takes writes, the first read-only one is used, as it would be alone: verbs that only read can go on.
 * 4. The others are asked again before a key is put into an empty row (keycheck/other-servers.ts).
 */
import { KnownError } from '../../errors.ts'
import type { ConfigStore } from '../config-store.ts'
import { ConfigTable } from '../config-table.ts'
import type { MysqlConnection } from './connection.ts'
import { readOnlyServer } from './errors.ts'

/** Opens a connection to one server. */
type Open = () => Promise<MysqlConnection>

/**
 * @param servers in order
 * @throws KnownError `database-unreachable` with what is wrong with each; or the error that ended the search
 */
export async function openFirstThatTakesWrites(servers: readonly Open[]): Promise<ConfigStore> {
  const passedOver: KnownError[] = []
  let readOnly: { connection: MysqlConnection; open: Open } | undefined
  for (const open of servers) {
    try {
      const connection = await open()
      const problem = await findWriteProblem(connection)
      if (problem === undefined) {
        await readOnly?.connection[Symbol.asyncDispose]()
        return new ConfigTable(connection, { warnings: passedOver.map(warningOf), others: othersOf(servers, open) })
      }
      passedOver.push(problem)
      if (readOnly) await connection[Symbol.asyncDispose]()
      else readOnly = { connection, open }
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'database-unreachable') {
        await readOnly?.connection[Symbol.asyncDispose]()
        throw error
      }
      passedOver.push(error)
    }
  }
  if (!readOnly)
    throw noServerError(passedOver, 'can be used', 'start one of the servers, or correct --db-host; to wait for one')
  const { connection, open } = readOnly
  const others = passedOver.filter(({ message }) => !message.startsWith(`database ${connection.place}:`))
  return new ConfigTable(connection, {
    warnings: others.map(warningOf),
    noneTakesWrites: noServerError(
      passedOver,
      'takes writes',
      'bring the primary up, or name it with --db-host; to wait for the failover',
    ),
    others: othersOf(servers, open),
  })
}

function othersOf(servers: readonly Open[], chosen: Open): (() => Promise<ConfigStore>)[] {
  return servers.filter((open) => open !== chosen).map((open) => async () => new ConfigTable(await open()))
}

/** @throws KnownError as of any statement; the connection is closed then */
async function findWriteProblem(connection: MysqlConnection): Promise<KnownError | undefined> {
  try {
    const [[value] = []] = await connection.query('SELECT @@global.read_only')
    return ['0', 'OFF'].includes(String(value)) ? undefined : readOnlyServer(connection.place)
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

function warningOf({ message }: KnownError): string {
  return `passed over: ${message}`
}

function noServerError(problems: readonly KnownError[], does: string, advice: string): KnownError {
  const said = problems.map(({ message }) => `\n  ${message}`).join('')
  const hint = `${advice}: --wait-for-db SECONDS`
  return new KnownError('database-unreachable', `none of ${problems.length} database servers ${does}:${said}`, hint)
}
