import { type Connection, createServer } from 'mysql2'

/** Parts of mysql2's server side that are missing in its types. */
interface ServerSide extends Connection {
  /** The number of the next packet. */
  sequenceId: number
  writeColumns(columns: object[]): void
  writeTextRow(row: readonly string[]): void
  writeEof(): void
}

/** The definition of a text column in utf8mb4. */
const column = { catalog: 'def', schema: '', table: '', orgTable: '', name: '', orgName: '', characterSet: 45 }
const columnType = { columnLength: 255, columnType: 253, flags: 0, decimals: 0 }

/**
 * A stand-in for a MySQL server, on a unix socket, for the machine that builds the package and has no server: it
 * accepts any password, and has a table `config` with the key in it.
 */
export async function answerAsServer(socket: string, key: string): Promise<AsyncDisposable> {
  const server = createServer((connection) => serve(connection as ServerSide, key))
  // listen() takes the arguments of net.Server; its types do not say so.
  const listen = server.listen.bind(server) as unknown as (path: string, listening: () => void) => void
  await new Promise<void>((resolve) => listen(socket, resolve))
  return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

function serve(connection: ServerSide, key: string): void {
  // The client closes the connection without COM_QUIT.
  connection.on('error', () => {})
  connection.on('query', (sql: string) => {
    const rows = answerTo(sql, key)
    connection.sequenceId = 1
    connection.writeColumns((rows[0] ?? ['']).map(() => ({ ...column, ...columnType })))
    for (const row of rows) connection.writeTextRow(row)
    connection.writeEof()
    connection.sequenceId = 0
  })
  connection.serverHandshake({
    protocolVersion: 10,
    serverVersion: '11.0.0',
    connectionId: 1,
    statusFlags: 2,
    characterSet: 45,
    capabilityFlags: 0xffffff,
    authCallback(_account: object, done: () => void) {
      done()
      connection.sequenceId = 0
    },
  })
}

/** Answers the first query with the columns of the table and the row of the key, and any other with no rows. */
function answerTo(sql: string, key: string): string[][] {
  if (!sql.includes('information_schema')) return []
  return [
    ['column', 'config', 'conf', '0', 'PRI', '1'],
    ['column', 'config', 'value', '0', '', '1'],
    ['row', 'encryption_key', Buffer.from(key).toString('hex'), '', '', ''],
  ]
}
