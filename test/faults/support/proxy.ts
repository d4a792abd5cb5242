/** A TCP proxy in front of a MySQL server that knows where each statement begins, and does what a test wants there. */
import { connect, createServer, type Socket } from 'node:net'
import { packet, serverError } from '../../support/fake-server.ts'

/** What becomes of a statement: sent on, half of it sent and then nothing, answered by half, or by an error instead. */
export type Fate = 'pass' | 'cut-request' | 'cut-answer' | { error: number }

export interface StatementProxy extends AsyncDisposable {
  readonly port: number
  /** Called with the number of each statement of a connection, from 1 on, before it is sent on. */
  onStatement: (number: number) => Fate | Promise<Fate>
}

/** Starts one on a free port of loopback. */
export async function startProxy(serverPort: number): Promise<StatementProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    relay(client, upstream, (number) => proxy.onStatement(number))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const proxy: StatementProxy = {
    port: typeof address === 'object' && address ? address.port : 0,
    onStatement: () => 'pass',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}

/** COM_QUIT and COM_STMT_CLOSE. */
const unanswered = [0x01, 0x19]

function relay(client: Socket, upstream: Socket, decide: (number: number) => Fate | Promise<Fate>): void {
  let statements = 0
  let isAnswerCut = false
  const cut = () => {
    client.destroy()
    upstream.destroy()
  }
  client.on('data', async (chunk: Buffer) => {
    // A client that is not waiting for an answer begins a command with packet number 0; it sends one at a time.
    if (chunk[3] !== 0) return void upstream.write(chunk)
    client.pause()
    statements += 1
    const fate = await decide(statements)
    client.resume()
    // What has no answer cannot be answered by an error.
    if (typeof fate === 'object' && !unanswered.includes(chunk[4] ?? 0))
      return void client.write(packet(1, serverError(fate.error, 'as a test wants it')))
    if (fate === 'cut-request') return void upstream.write(chunk.subarray(0, chunk.length >> 1), cut)
    isAnswerCut = fate === 'cut-answer'
    upstream.write(chunk)
  })
  upstream.on('data', (chunk: Buffer) => {
    if (isAnswerCut) client.write(chunk.subarray(0, chunk.length >> 1), cut)
    else client.write(chunk)
  })
  client.on('close', cut)
  upstream.on('close', cut)
}
