/**
 * The stream between the driver and a server: everything that the server sends is checked before
 * mysql2 gets it. What holds here:
 *
 * 1. The socket is ours from the first moment, and so are its errors. The driver gets a stream without
 *    errors: the first error rejects `lost` and ends the wire.
 * 2. No packet reaches the driver that the protocol does not allow at that point (packets.ts), none
 *    that was not asked for, and no more of them than an answer may have.
 * 3. Nothing that came in clear counts once TLS was asked for.
 * 4. An error packet before the end of the login, or one that was not asked for, ends the wire. One that
 *    answers a statement goes to the driver, which reports it, and the connection stays.
 */
import { connect, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { isLoopback, plainAddress } from '../../text/addresses.ts'
import {
  type Answer,
  errorNumber,
  type Greeting,
  isErrorPacket,
  type LoginRules,
  login,
  type Packet,
  PacketReader,
  ProtocolViolation,
  preparedStatement,
  readGreeting,
  resultSet,
} from './packets.ts'

/** Where a server is. */
export type Endpoint = { host: string; port: number } | { path: string }

export interface TlsOptions {
  /** PEM text of the CA that the server is verified with; without one it is not verified. */
  ca: string | undefined
  /** The host as it was given. */
  host: string
  /** The certificate has to name that host. */
  verifiesHost: boolean
}

/** An error packet, known by its number alone: one of MySQL, MariaDB or a proxy. */
class ServerError extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`error ${errno}`)
    this.errno = errno
  }
}

/** The answer that a command gets, by the command's first byte; the others get none (COM_QUIT, COM_STMT_CLOSE). */
const answers: Readonly<Record<number, () => Answer>> = {
  3: () => resultSet(false),
  22: preparedStatement,
  23: () => resultSet(true),
}

export class Wire extends Duplex {
  /** Rejects with what went wrong. */
  readonly lost: Promise<never>
  readonly #lose: (error: unknown) => void
  #socket: Socket
  readonly #reader = new PacketReader()
  readonly #greeted = Promise.withResolvers<Greeting>()
  #greeting: Buffer | undefined
  /** The answer that is coming. */
  #answer: Answer | undefined
  #isSecuring = false
  #hasLoggedIn = false
  #expectsLargeAnswer = false

  constructor(endpoint: Endpoint) {
    super()
    const { promise, reject } = Promise.withResolvers<never>()
    this.lost = promise
    this.#lose = reject
    this.lost.catch(() => {})
    this.#socket = connect({ ...endpoint, noDelay: true })
    this.#listenTo(this.#socket)
  }

  /** The server's first packet. The driver gets it with `beginLogin`. */
  get greeting(): Promise<Greeting> {
    return Promise.race([this.#greeted.promise, this.lost])
  }

  /** Both ends are on this machine: a unix socket, a loopback address, or an address of this machine. */
  get staysHere(): boolean {
    const { remoteAddress, localAddress } = this.#socket
    if (remoteAddress === undefined) return true
    return isLoopback(plainAddress(remoteAddress)) || remoteAddress === localAddress
  }

  /** Hands the greeting to the driver; from now on the server must keep to the rules of the login. */
  beginLogin(rules: LoginRules): void {
    this.#expect(login(rules))
    this.push(this.#greeting)
  }

  /** Starts TLS; the driver has just announced it to the server. */
  async secure({ ca, host, verifiesHost }: TlsOptions): Promise<void> {
    this.#isSecuring = true
    const tls = await import('node:tls')
    if (this.#reader.hasPartialPacket) this.fail(new ProtocolViolation('it sent something ahead of TLS'))
    if (this.destroyed) return this.lost
    const plain = this.#socket.removeAllListeners('data')
    const { promise, resolve } = Promise.withResolvers<void>()
    const options = {
      socket: plain,
      ...(ca !== undefined && { ca }),
      rejectUnauthorized: ca !== undefined,
      ...(isIP(host) === 0 && { servername: host }),
      // By itself Node verifies the name in `servername`: for an address there is none, and it would take `localhost`.
      checkServerIdentity: (_: string, certificate: import('node:tls').PeerCertificate) =>
        verifiesHost ? tls.checkServerIdentity(host, certificate) : undefined,
    }
    this.#socket = tls.connect(options, resolve)
    this.#listenTo(this.#socket)
    await Promise.race([promise, this.lost])
    this.#isSecuring = false
  }

  /** Ends the wire; everything that waits for an answer is rejected with the error. */
  fail(error: unknown): void {
    this.#lose(error)
    this.destroy()
  }

  override _read(): void {}

  /** The driver writes packet by packet. */
  override _write(packet: Buffer, _encoding: string, done: () => void): void {
    this.#reader.follow(packet[3] ?? 0)
    const answer = this.#hasLoggedIn ? answers[packet[4] ?? 0] : undefined
    if (answer) this.#expect(answer())
    // Errors of the socket arrive by its own event.
    this.#socket.write(packet, () => done())
  }

  /** The next statement reads all stored values: its answer may be larger than others. */
  expectLargeAnswer(): void {
    this.#expectsLargeAnswer = true
  }

  override _final(done: () => void): void {
    this.destroy()
    done()
  }

  override _destroy(_error: Error | null, done: (error?: null) => void): void {
    this.#lose(lostConnection())
    this.#socket.destroy()
    done()
  }

  #listenTo(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.fail(error))
    socket.on('close', () => this.fail(lostConnection()))
  }

  #expect(answer: Answer): void {
    if (this.#hasLoggedIn) this.#reader.beginAnswer(this.#expectsLargeAnswer)
    this.#expectsLargeAnswer = false
    this.#answer = answer
    answer.next()
  }

  #receive(chunk: Buffer): void {
    try {
      for (const packet of this.#reader.read(chunk)) {
        if (this.destroyed) return
        this.#handlePacket(packet)
      }
    } catch (error) {
      this.fail(error)
    }
  }

  #handlePacket({ whole, payload }: Packet): void {
    const isError = isErrorPacket(payload)
    if (isError && !(this.#hasLoggedIn && this.#answer)) throw new ServerError(errorNumber(payload))
    if (this.#greeting === undefined) {
      const { packet, ...greeting } = readGreeting(whole)
      this.#greeting = packet
      this.#greeted.resolve(greeting)
      return
    }
    if (!this.#answer || this.#isSecuring) throw new ProtocolViolation('it sent something that was not asked for')
    if (isError || this.#answer.next(payload).done) {
      this.#answer = undefined
      this.#hasLoggedIn = true
    }
    this.push(whole)
  }
}

function lostConnection(): Error {
  return Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' })
}
