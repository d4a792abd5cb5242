/**
 * The listener: TCP, on loopback and on the address that was asked for. It serves programs of this machine (a peer on
 * loopback, or with the socket's own address) and the sensors; every other client is closed. It is supervised: when
 * it ends unasked, or two of our own pings in a row stay unanswered, the daemon ends, so that its supervisor
 * (systemd, monit) starts it again.
 */
import type { Server, Socket } from 'node:net'
import { systemCode } from '../../errors.ts'
import { readDescriptorLimit } from '../../host/processes/descriptor-limit.ts'
import { isLoopback, plainAddress } from '../../text/addresses.ts'
import type { ListenEndpoint } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import type { AccessList } from './access-list.ts'
import { Agents } from './agents.ts'
import { type BoundServers, bindEarly } from './bind.ts'
import { Connection, type Service } from './connection.ts'
import { HeldBytes } from './held-bytes.ts'
import { type Limits, limitsFor } from './limits.ts'
import { ListenSockets } from './listen-sockets.ts'
import { Refusals } from './refusals.ts'
import { Slots } from './slots.ts'
import type { ListenerCounts, StatusReport } from './status-report.ts'
import { listenerDown, type OwnPing, supervise, usualSuperviseEveryMs } from './supervise.ts'
import { keepYoungHeapSmall } from './young-heap.ts'

/** How long clients may take to read their last answers when the listener is closed. */
const closeLimitMs = 5000
const sweepEveryMs = 1000
const mostMissingWords = 100
/** So many clients are a crowd (young-heap.ts). */
const crowd = 100
/** How often the listener checks whether the address that was asked for has come or gone. */
const lookEveryMs = 30_000

export interface ListenerOptions {
  address: string
  port: number
  /** The servers that bindEarly has bound for this address and port. */
  bound?: BoundServers
  logs: Logs
  sensors: AccessList
  /** What `status` tells of the daemon. */
  facts(): Readonly<Record<string, unknown>>
  /** Called after each answered ping of our own, first soon after the start. */
  onAlive?(): void
  /** Called when the address that was asked for has come or gone. */
  onMove?(): void
  /** Milliseconds between two pings. */
  superviseEveryMs?: number
  /** Absent: what the limit of open files allows. */
  limits?: Limits
  /** Milliseconds between two looks at the addresses of this machine. */
  lookEveryMs?: number
}

export interface Listener extends AsyncDisposable {
  readonly endpoint: ListenEndpoint
  /** Rejects with KnownError `listener-down` when the listener is gone or deaf. */
  readonly failure: Promise<never>
  counts(): ListenerCounts
  /**
   * Listens on another address or port; clients stay connected. Where it listens there already, it checks whether
   * the address has come or gone.
   * @throws KnownError as `listen`; it goes on listening where it was
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
  readonly subject = {
    agents: new Agents(),
    report: () => this.#report(),
    tellMissing: (word: string) => this.#tellMissing(word),
  }
  answered = 0
  now = performance.now()
  readonly #options: ListenerOptions
  readonly #ended = new AbortController()
  readonly #slots: Slots<Connection>
  readonly #held = new HeldBytes<Connection>()
  readonly #refusals: Refusals
  readonly #connections = new Set<Connection>()
  readonly #sweep: NodeJS.Timeout
  readonly #sockets: ListenSockets
  readonly #look: NodeJS.Timeout
  readonly #missingWords = new Set<string>()
  #accepted = 0
  #ownPing: ExpectedPing | undefined

  constructor(options: ListenerOptions, bound: BoundServers) {
    const { promise, reject } = Promise.withResolvers<never>()
    // Nobody waits for it once the daemon ends by itself.
    promise.catch(() => {})
    this.failure = promise
    this.#options = options
    this.limits = options.limits ?? limitsFor(readDescriptorLimit())
    this.#slots = new Slots(this.limits)
    this.#refusals = new Refusals(options.logs)
    this.#sockets = new ListenSockets(bound, {
      logs: options.logs,
      accept: (server) => this.#serve(server),
      onMove: () => options.onMove?.(),
      onDown: () => reject(listenerDown()),
    })
    options.sensors.keepFresh(this.#sockets.isOpen)
    this.#look = setInterval(() => void this.#lookAtAddresses(), options.lookEveryMs ?? lookEveryMs).unref()
    this.#sweep = setInterval(() => this.#checkDeadlines(), sweepEveryMs).unref()
    supervise(
      {
        endpoint: () => this.#sockets.near,
        expectPing: (localPort) => this.#expectPing(localPort),
        onAlive: () => options.onAlive?.(),
      },
      options.superviseEveryMs ?? usualSuperviseEveryMs,
      this.#ended.signal,
    ).catch(reject)
  }

  get endpoint(): ListenEndpoint {
    return this.#sockets.endpoint
  }

  counts(): ListenerCounts {
    return {
      connections: this.#slots.taken,
      accepted: this.#accepted,
      refused: this.#refusals.total,
      commands: this.answered,
      heldBytes: this.#held.total,
    }
  }

  async move(address: string, port: number): Promise<void> {
    try {
      await this.#sockets.move(address, port)
    } finally {
      this.#options.sensors.keepFresh(this.#sockets.isOpen)
    }
  }

  async #lookAtAddresses(): Promise<void> {
    await this.#sockets.look()
    if (this.#ended.signal.aborted) this.#sockets.close()
    else this.#options.sensors.keepFresh(this.#sockets.isOpen)
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
    clearInterval(this.#look)
    this.#sockets.close()
    this.#options.sensors.keepFresh(false)
    await this.#closeConnections()
    this.#refusals[Symbol.dispose]()
  }

  /** Accepts from a server from now on. */
  #serve(server: Server): void {
    server.on('connection', (socket) => this.#accept(socket))
    server.on('drop', (data) => this.#drop(data))
    server.on('error', (error) => this.#refusals.tell('A client', `was not accepted (${systemCode(error)})`))
    const { descriptors, connections } = this.limits
    // More than the slots: room for our own ping, and for clients that are closed in this turn.
    server.maxConnections = connections + Math.floor((descriptors - connections) / 4)
  }

  #accept(socket: Socket): void {
    const source = plainAddress(socket.remoteAddress ?? '')
    this.#accepted += 1
    // A client that has gone already has no address any more. It is no refusal: most often it is a health check.
    if (source === '' || !this.#maySpeak(socket, source)) {
      if (source !== '') this.#refusals.tell(source, 'may not speak to this daemon')
      socket.on('error', () => {}).destroy()
      return
    }
    const connection = new Connection(socket, source, isLoopback(source), this)
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
    // Our own ping needs no slot, and always gets in.
    if (this.#ownPing && this.#isOwnPing(socket)) this.#ownPing.hasArrived = true
    else this.#giveSlot(connection, source, isNear(socket))
  }

  #giveSlot(connection: Connection, source: string, near: boolean): void {
    const { slot, outgoing } = this.#slots.take(connection, source, near)
    if (this.#slots.taken === crowd) keepYoungHeapSmall()
    connection.onBusy = () => this.#slots.touch(slot)
    connection.socket.on('close', () => this.#slots.leave(slot))
    outgoing?.giveUp('was idle for longest and made room')
  }

  #maySpeak(socket: Socket, source: string): boolean {
    return isNear(socket) || this.#options.sensors.has(source)
  }

  /** Called when Node closed a client because more came in one turn than maxConnections allows. */
  #drop(client: ConnectionAddresses = {}): void {
    if (this.#ownPing && this.#isOwnPing(client)) this.#ownPing.wasDropped = true
    this.#refusals.tell('A client', 'found no connection slot left')
  }

  #isOwnPing(addresses: ConnectionAddresses): boolean {
    return this.#ownPing !== undefined && addresses.remotePort === this.#ownPing.localPort && isNear(addresses)
  }

  #expectPing(localPort: number): OwnPing {
    const before = this.#accepted
    const ping: ExpectedPing = { localPort, wasDropped: false, hasArrived: false }
    this.#ownPing = ping
    return {
      // Others were accepted meanwhile, but not our ping: so many clients come that the kernel's queue is full.
      wasRefused: () => ping.wasDropped || (!ping.hasArrived && this.#accepted > before),
      [Symbol.dispose]: () => (this.#ownPing = undefined),
    }
  }

  #checkDeadlines(): void {
    this.now = performance.now()
    for (const connection of this.#connections) connection.checkDeadline()
  }

  /** Answers what was received, and waits until the clients have read it, with a time limit. */
  async #closeConnections(): Promise<void> {
    const open = [...this.#connections]
    const timer = setTimeout(() => {
      for (const { socket } of open) socket.destroy()
    }, closeLimitMs)
    const closed = open.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)))
    for (const connection of open) connection.end()
    await Promise.all(closed)
    clearTimeout(timer)
  }

  /** Logs each word once, and at most mostMissingWords of them. */
  #tellMissing(word: string): void {
    if (this.#missingWords.has(word) || this.#missingWords.size >= mostMissingWords) return
    this.#missingWords.add(word)
    this.#options.logs.warning(`Asked for ${word}, which the original does and this daemon does not: refused`)
  }

  #report(): StatusReport {
    return {
      ...this.#options.facts(),
      listener: { ...this.endpoint, counts: this.counts(), limits: this.limits },
      sensors: this.#options.sensors.known ?? null,
      lostLogLines: this.#options.logs.lost,
    }
  }
}

/** A ping of our own that is on its way. */
interface ExpectedPing {
  readonly localPort: number
  wasDropped: boolean
  hasArrived: boolean
}

/** The addresses of both ends of a connection, as Node gives them. */
interface ConnectionAddresses {
  remoteAddress?: string | undefined
  remotePort?: number | undefined
  localAddress?: string | undefined
}

/** A peer on this machine: loopback, or the socket's own address. */
function isNear({ remoteAddress = '', localAddress = 'unknown' }: ConnectionAddresses): boolean {
  const peer = plainAddress(remoteAddress)
  return isLoopback(peer) || peer === plainAddress(localAddress)
}
