import { connect, type Socket } from 'node:net'

/** A client that keeps what it was sent, and whether it was closed. */
export class Client implements Disposable {
  readonly socket: Socket
  received = ''
  isClosed = false

  /** @param from the address it comes from */
  constructor(port: number, { from = '127.0.0.1', to = '127.0.0.1' } = {}) {
    this.socket = connect({ port, host: to, localAddress: from, noDelay: true })
    this.socket.setEncoding('utf8')
    this.socket.on('data', (text) => (this.received += text))
    this.socket.on('error', () => {})
    this.socket.on('close', () => (this.isClosed = true))
  }

  /** Sends a line and waits for one, or for the end: then it is what came. */
  async ask(line: string): Promise<string> {
    const before = this.received.length
    this.socket.write(`${line}\n`)
    while (!this.received.includes('\n', before) && !this.isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.socket.once('data', resolve).once('close', resolve)
      await promise
      this.socket.off('data', resolve).off('close', resolve)
    }
    return this.received.slice(before).split('\n')[0] ?? ''
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** Sends a piece again and again, as fast as it is taken. @returns how many were taken before the connection ended */
export async function flood(socket: Socket, piece: Buffer, most = Number.POSITIVE_INFINITY): Promise<number> {
  let taken = 0
  for (; taken < most; taken += 1) {
    const isTaken = await new Promise<boolean>((resolve) => socket.write(piece, (error) => resolve(!error)))
    if (!isTaken) break
  }
  return taken
}
