/** A fake: something that greets like a MySQL server and then says what a test wants it to. */
import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export interface FakeServer extends AsyncDisposable {
  readonly port: number
  /** All that clients sent, without the encryption of TLS. */
  readonly heard: Buffer
}

/** One client of a fake server. */
export class FakeSession {
  #socket: Socket
  #buffer = Buffer.alloc(0)
  #sequence = 0
  #wake = Promise.withResolvers<void>()
  readonly #hear: (chunk: Buffer) => void

  constructor(socket: Socket, hear: (chunk: Buffer) => void) {
    this.#socket = socket
    this.#hear = hear
    this.#listen()
  }

  /** Sends a packet with the next number. */
  send(payload: Buffer | string): void {
    this.sendRaw(packet(this.#sequence, payload))
    this.#sequence = (this.#sequence + 1) & 0xff
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** The next packet of the client; empty when it has hung up. */
  async next(): Promise<Buffer> {
    for (;;) {
      const length = this.#buffer.length >= 4 ? 4 + this.#buffer.readUIntLE(0, 3) : Number.POSITIVE_INFINITY
      if (this.#buffer.length >= length) {
        const payload = this.#buffer.subarray(4, length)
        this.#sequence = ((this.#buffer[3] ?? 0) + 1) & 0xff
        this.#buffer = this.#buffer.subarray(length)
        return payload
      }
      if (this.#socket.readableEnded || this.#socket.destroyed) return Buffer.alloc(0)
      await this.#wake.promise
    }
  }

  /** @returns false when the client has hung up */
  sendAndWait(bytes: Buffer): Promise<boolean> {
    if (this.#socket.destroyed || !this.#socket.writable) return Promise.resolve(false)
    return new Promise((resolve) => this.#socket.write(bytes, (error) => resolve(!error)))
  }

  hangUp(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Takes the client's request for TLS, and becomes the server's side of it. */
  async startTls(certificate: { cert: string; key: string }): Promise<void> {
    await this.next()
    // What has come behind the request is TLS already.
    this.#socket.pause().removeAllListeners('data')
    this.#socket.unshift(this.#buffer)
    this.#buffer = Buffer.alloc(0)
    this.#socket = new TLSSocket(this.#socket, { isServer: true, ...certificate })
    this.#listen()
  }

  #listen(): void {
    const wake = () => {
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
    this.#socket.on('data', (chunk: Buffer) => {
      this.#hear(chunk)
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      wake()
    })
    // The client hangs up when it has heard enough.
    this.#socket.on('error', () => {})
    for (const end of ['end', 'close']) this.#socket.on(end, wake)
  }
}

/** Starts one on a free port of an address. */
export async function startFakeServer(
  address: string,
  play: (session: FakeSession) => Promise<void>,
): Promise<FakeServer> {
  const heard: Buffer[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    void play(new FakeSession(socket, (chunk) => heard.push(chunk)))
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    get heard() {
      return Buffer.concat(heard)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function packet(sequence: number, payload: Buffer | string): Buffer {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, Buffer.from(payload)])
}

/** MySQL 8's first packet. */
export function greeting({ method = 'caching_sha2_password', tls = false, version = '8.0.36' } = {}): Buffer {
  const flags = 0x00ffa2ff | 0x00080000 | (tls ? 0x800 : 0)
  const fixed = Buffer.alloc(31)
  fixed.writeUInt32LE(7, 0)
  fixed.write('saltsalt', 4, 'latin1')
  fixed.writeUInt16LE(flags & 0xffff, 13)
  fixed[15] = 45
  fixed.writeUInt16LE(2, 16)
  fixed.writeUInt16LE(flags >>> 16, 18)
  fixed[20] = 21
  return Buffer.concat([Buffer.from(`\x0a${version}\0`), fixed, Buffer.from(`twelve bytes\0${method}\0`)])
}

export const ok = Buffer.from([0, 0, 0, 2, 0, 0, 0])
/** "Perform full authentication" of caching_sha2_password. */
export const wantsPassword = Buffer.from([1, 4])

export function switchTo(method: string): Buffer {
  return Buffer.from(`\xfe${method}\0twenty bytes of salt\0`, 'latin1')
}

export function serverError(errno: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#HY000${text}`)])
}
