import { type Connection, createServer } from 'mysql2'

/** What mysql2's types leave out of its server's side. */
interface ServerSide extends Connection {
  /** The number of the next packet. */
  sequenceId: number
  writeColumns(columns: object[]): void
  writeTextRow(row: readonly string[]): void
  writeEof(): void
}

/** Text in utf8mb4, as of any table. */
const column = { catalog: 'def', schema: '', table: '', orgTable: '', name: '', orgName: '', characterSet: 45 }
const columnType = { columnLength: 255, columnType: 253, flags: 0, decimals: 0 }

/**
 * Stands in for a MySQL server, on a unix socket, since none is there where a package is built: it
 * takes any password, and has a table `config` with the key in it.
 */
export async function answerAsServer(socket: string, key: string): Promise<AsyncDisposable> {
  const server = createServer((connection) => serve(connection as ServerSide, key))
  // It passes on what net.Server takes, which its types do not say.
  const listen = server.listen.bind(server) as unknown as (path: string, listening: () => void) => void
  await new Promise<void>((resolve) => listen(socket, resolve))
  return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

function serve(connection: ServerSide, key: string): void {
  // The client hangs up without a word.
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

/** To the first question the columns of the table and its row with the key, to any other nothing. */
function answerTo(sql: string, key: string): string[][] {
  if (!sql.includes('information_schema')) return []
  return [
    ['column', 'config', 'conf', '0', 'PRI', '1'],
    ['column', 'config', 'value', '0', '', '1'],
    ['row', 'encryption_key', Buffer.from(key).toString('hex'), '', '', ''],
  ]
}
