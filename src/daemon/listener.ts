/**
 * The listener: TCP, loopback by default. Loopback may speak, a peer whose address is the socket's
 * own, and the sensors; everybody else is closed. It is supervised: an end that nobody asked for, or
 * a `ping` of our own that stays unanswered twice, ends the daemon, so that its supervisor starts it anew.
 */
import type { Server, Socket } from 'node:net'
import { systemCode } from '../errors.ts'
import { readDescriptorLimit } from '../host/descriptor-limit.ts'
import type { AccessList } from './access-list.ts'
import { isLoopback, plainAddress } from './addresses.ts'
import { type Bound, type BoundServer, bindEarly, whereIs } from './bind.ts'
import type { StatusReport } from './commands/status.ts'
import { Connection, type Service } from './connection.ts'
import { HeldBytes } from './held-bytes.ts'
import { type Limits, limitsFor } from './limits.ts'
import type { Logs } from './logs.ts'
import { Places } from './places.ts'
import { Refusals } from './refusals.ts'
import { listenerDown, type OwnPing, supervise } from './supervise.ts'

const superviseEveryMs = 30_000
/** How long answers may take at the end to be read. */
const closeLimitMs = 5000
const sweepEveryMs = 1000

export interface ListenerOptions {
  address: string
  port: number
  /** Of bindEarly, for these. */
  bound?: BoundServer
  logs: Logs
  sensors: AccessList
  /** What `status` tells of the daemon. */
  facts(): Readonly<Record<string, unknown>>
  /** Called after each answered ping of our own, first soon after the start. */
  onAlive?(): void
  /** Milliseconds between two of them. */
  superviseEveryMs?: number
  /** Absent: what the limit of open files allows. */
  limits?: Limits
}

export interface ListenerCounts {
  connections: number
  /** Since the start. */
  accepted: number
  refused: number
  commands: number
  heldBytes: number
}

export interface Listener extends AsyncDisposable {
  readonly address: string
  readonly port: number
  /** Rejects with KnownError `listener-down` when the listener is gone or deaf. */
  readonly failure: Promise<never>
  counts(): ListenerCounts
  /**
   * Listens elsewhere; who is connected stays so. Nothing happens where it listens there already.
   * @throws KnownError as `listen`; it goes on where it was
   */
  move(address: string, port: number): Promise<void>
}

/** @throws KnownError `address-in-use`, or `configuration` for an address or port that cannot be bound */
export async function listen(options: ListenerOptions): Promise<Listener> {
  return new TcpListener(options, options.bound ?? (await bindEarly(options.address, options.port)))
}

class TcpListener implements Listener, Service {
  readonly failure: Promise<never>
  readonly limits: Limits
  readonly subject = { report: () => this.#report() }
  answered = 0
  now = performance.now()
  readonly #options: ListenerOptions
  readonly #fail: (error: unknown) => void
  readonly #ended = new AbortController()
  readonly #places: Places<Connection>
  readonly #held = new HeldBytes<Connection>()
  readonly #refusals: Refusals
  readonly #connections = new Set<Connection>()
  readonly #sweep: NodeJS.Timeout
  #server: Server
  /** What was asked for, which need not be what this machine has. */
  #wanted: Bound
  #bound: Bound
  #accepted = 0
  #ownPing: ExpectedPing | undefined

  constructor(options: ListenerOptions, bound: BoundServer) {
    const { promise, reject } = Promise.withResolvers<never>()
    // Nobody waits for it once the daemon ends by itself.
    promise.catch(() => {})
    this.failure = promise
    this.#fail = reject
    this.#options = options
    this.limits = options.limits ?? limitsFor(readDescriptorLimit())
    this.#places = new Places(this.limits)
    this.#refusals = new Refusals(options.logs)
    this.#server = bound.server
    this.#wanted = { address: options.address, port: options.port }
    this.#bound = whereIs(bound.server)
    this.#serve(bound, this.#wanted)
    this.#sweep = setInterval(() => this.#checkDeadlines(), sweepEveryMs).unref()
    supervise(
      {
        place: () => this.#bound,
        expectPing: (localPort) => this.#expectPing(localPort),
        onAlive: () => options.onAlive?.(),
      },
      options.superviseEveryMs ?? superviseEveryMs,
      this.#ended.signal,
    ).catch(reject)
  }

  get address(): string {
    return this.#bound.address
  }

  get port(): number {
    return this.#bound.port
  }

  counts(): ListenerCounts {
    return {
      connections: this.#places.taken,
      accepted: this.#accepted,
      refused: this.#refusals.total,
      commands: this.answered,
      heldBytes: this.#held.total,
    }
  }

  async move(address: string, port: number): Promise<void> {
    if (address === this.#wanted.address && port === this.#wanted.port) return
    const before = this.#server
    // The same port on another address may be taken by ourselves.
    const isInOurWay = port === this.#bound.port
    if (isInOurWay) stopAccepting(before)
    try {
      this.#serve(await bindEarly(address, port), { address, port })
    } catch (error) {
      if (isInOurWay) this.#serve(await bindEarly(this.#bound.address, port), this.#wanted)
      throw error
    }
    if (!isInOurWay) stopAccepting(before)
  }

  refuse(source: string, reason: string): void {
    this.#refusals.tell(source, `${reason}, closed`)
  }

  hold(connection: Connection, bytes: number): void {
    this.#held.set(connection, bytes)
    while (this.#held.total > this.limits.heldBytes) this.#held.first?.giveUp('left too much unread for longest')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearInterval(this.#sweep)
    stopAccepting(this.#server)
    this.#options.sensors.keepFresh(false)
    await this.#closeConnections()
    this.#refusals[Symbol.dispose]()
  }

  /** Accepts from a server from now on. */
  #serve({ server, isFallback }: BoundServer, wanted: Bound): void {
    this.#server = server
    this.#wanted = wanted
    this.#bound = whereIs(server)
    server.on('connection', (socket) => this.#accept(socket))
    server.on('drop', (data) => this.#drop(data))
    server.on('error', (error) => this.#refusals.tell('A client', `was not accepted (${systemCode(error)})`))
    server.on('close', () => this.#fail(listenerDown()))
    const { descriptors, connections } = this.limits
    // Beyond the places there is room for our own ping, and for those who are closed in this turn.
    server.maxConnections = connections + Math.floor((descriptors - connections) / 4)
    if (isFallback) {
      this.#options.logs.warning(
        `This machine does not have the address ${wanted.address}, listening on ${this.address}`,
      )
    }
    this.#options.sensors.keepFresh(!isLoopback(plainAddress(this.#bound.address)))
  }

  #accept(socket: Socket): void {
    const source = plainAddress(socket.remoteAddress ?? '')
    this.#accepted += 1
    // Who has gone before it was looked at has no address any more, and is no refusal: a health check, most often.
    if (source === '' || !this.#maySpeak(socket, source)) {
      if (source !== '') this.#refusals.tell(source, 'may not speak to this daemon')
      socket.on('error', () => {}).destroy()
      return
    }
    const connection = new Connection(socket, source, isLoopback(source), this)
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
    // Our own ping has no place, and always gets in.
    if (this.#ownPing && this.#isOwnPing(socket)) this.#ownPing.hasArrived = true
    else this.#givePlace(connection, source, isNear(socket))
  }

  #givePlace(connection: Connection, source: string, near: boolean): void {
    const { place, outgoing } = this.#places.take(connection, source, near)
    connection.onBusy = () => this.#places.touch(place)
    connection.socket.on('close', () => this.#places.leave(place))
    outgoing?.giveUp('was idle for longest and made room')
  }

  #maySpeak(socket: Socket, source: string): boolean {
    return isNear(socket) || this.#options.sensors.has(source)
  }

  /** Node closes a client when even more come in one turn than there is room for. */
  #drop(client: Ends = {}): void {
    if (this.#ownPing && this.#isOwnPing(client)) this.#ownPing.wasDropped = true
    this.#refusals.tell('A client', 'found no place left')
  }

  #isOwnPing(ends: Ends): boolean {
    return this.#ownPing !== undefined && ends.remotePort === this.#ownPing.localPort && isNear(ends)
  }

  #expectPing(localPort: number): OwnPing {
    const before = this.#accepted
    const ping: ExpectedPing = { localPort, wasDropped: false, hasArrived: false }
    this.#ownPing = ping
    return {
      // Others were accepted meanwhile: so many come that the kernel has no room for one more.
      wasRefused: () => ping.wasDropped || (!ping.hasArrived && this.#accepted > before),
      [Symbol.dispose]: () => (this.#ownPing = undefined),
    }
  }

  #checkDeadlines(): void {
    this.now = performance.now()
    for (const connection of this.#connections) connection.checkDeadline()
  }

  /** Answers what was received and waits, but not for ever, until it is read. */
  async #closeConnections(): Promise<void> {
    const { promise: allClosed, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      for (const { socket } of this.#connections) socket.destroy()
    }, closeLimitMs)
    const resolveWhenLast = () => this.#connections.size === 0 && resolve()
    for (const connection of this.#connections) {
      connection.socket.on('close', resolveWhenLast)
      connection.end()
    }
    resolveWhenLast()
    await allClosed
    clearTimeout(timer)
  }

  #report(): StatusReport {
    const { address, port } = this.#bound
    return {
      ...this.#options.facts(),
      listener: { address, port, counts: this.counts(), limits: this.limits },
      sensors: this.#options.sensors.known ?? null,
      lostLogLines: this.#options.logs.lost,
    }
  }
}

/** Closes the port at once; its connections go on. */
function stopAccepting(server: Server): void {
  server.removeAllListeners('close')
  server.close()
}

/** A ping of our own that is on its way. */
interface ExpectedPing {
  readonly localPort: number
  wasDropped: boolean
  hasArrived: boolean
}

/** Both ends of a connection, as Node tells them. */
interface Ends {
  remoteAddress?: string | undefined
  remotePort?: number | undefined
  localAddress?: string | undefined
}

/** A peer on this machine: loopback, or the socket's own address. */
function isNear({ remoteAddress = '', localAddress = 'unknown' }: Ends): boolean {
  const peer = plainAddress(remoteAddress)
  return isLoopback(peer) || peer === plainAddress(localAddress)
}
