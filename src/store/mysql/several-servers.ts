/**
 * Several servers, as libpq has them with `target_session_attrs=read-write`: in order, the first that takes writes.
 *
 * 1. One that does not answer, is not ready (a Galera node without its cluster) or is read-only is passed over, and
 *    that is said.
 * 2. Whatever trying again does not mend, such as a refused password or certificate, ends the list: the next server
 *    would not know better, and is shown nothing after a sign that something is wrong.
 * 3. Where none takes writes the first read-only one serves, as it would alone: who only reads can go on.
 */
import { KnownError } from '../../errors.ts'
import type { ConfigStore } from '../config-store.ts'
import { ConfigTable } from '../config-table.ts'
import type { MysqlConnection } from './connection.ts'
import { readOnlyServer } from './errors.ts'

/**
 * @param servers each opens a connection to one
 * @throws KnownError `database-unreachable` with what is wrong with each; that of a server that ends the list
 */
export async function openFirstThatTakesWrites(
  servers: readonly (() => Promise<MysqlConnection>)[],
): Promise<ConfigStore> {
  const passedOver: KnownError[] = []
  let readOnly: MysqlConnection | undefined
  for (const open of servers) {
    try {
      const connection = await open()
      const problem = await whyNotWritten(connection)
      if (problem === undefined) {
        await readOnly?.[Symbol.asyncDispose]()
        return tableOn(connection, passedOver)
      }
      passedOver.push(problem)
      if (readOnly) await connection[Symbol.asyncDispose]()
      else readOnly = connection
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'database-unreachable') {
        await readOnly?.[Symbol.asyncDispose]()
        throw error
      }
      passedOver.push(error)
    }
  }
  if (readOnly) return tableOn(readOnly, passedOver)
  throw noneAnswers(passedOver)
}

/** @throws KnownError as of any statement; the connection is closed then */
async function whyNotWritten(connection: MysqlConnection): Promise<KnownError | undefined> {
  try {
    const [[value] = []] = await connection.query('SELECT @@global.read_only')
    return ['0', 'OFF'].includes(String(value)) ? undefined : readOnlyServer(connection.place)
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

function tableOn(connection: MysqlConnection, passedOver: readonly KnownError[]): ConfigStore {
  const others = passedOver.filter(({ message }) => !message.startsWith(`database ${connection.place}:`))
  return new ConfigTable(
    connection,
    others.map(({ message }) => `passed over: ${message}`),
  )
}

function noneAnswers(problems: readonly KnownError[]): KnownError {
  const said = problems.map(({ message }) => `\n  ${message}`).join('')
  const hint = 'start one of the servers, or correct --db-host; to wait for one: --wait-for-db SECONDS'
  return new KnownError('database-unreachable', `none of ${problems.length} database servers can be used:${said}`, hint)
}
