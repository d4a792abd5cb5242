/**
 * The sockets of the listener: always loopback, and the address that was asked for while this machine has it.
 * An address that the machine does not have is waited for. One that it loses is given up and waited for again.
 */
import type { Server } from 'node:net'
import { KnownError, messageOf } from '../../errors.ts'
import { isLoopback, plainAddress } from '../../text/addresses.ts'
import type { ListenEndpoint } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import { type BoundAddress, type BoundServers, bindAt, bindOne, boundAddressOf, findAddress } from './bind.ts'

const anyPort = 0

export interface ListenSocketsOptions {
  logs: Logs
  /** Called with each server that is opened. */
  accept(server: Server): void
  /** Called when the address has come or gone. */
  onMove(): void
  /** Called when a server ended that we have not closed. */
  onDown(): void
}

export class ListenSockets {
  readonly #options: ListenSocketsOptions
  #bound: BoundServers
  /** The addresses of both servers; kept while these are closed during a move. */
  #served: { near: BoundAddress; far: BoundAddress | undefined }
  #said = ''
  #lastTurn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(bound: BoundServers, options: ListenSocketsOptions) {
    this.#options = options
    this.#bound = bound
    this.#served = addressesOf(bound)
    this.#open()
  }

  /** The address of the loopback server, to which our own ping goes. */
  get near(): BoundAddress {
    return this.#served.near
  }

  /** The address beside loopback, if it is served; else that of loopback, with the address that is waited for. */
  get endpoint(): ListenEndpoint {
    const endpoint = this.#served.far ?? this.near
    const { isMissing, wanted } = this.#bound
    return isMissing ? { ...endpoint, waitsFor: wanted.address } : endpoint
  }

  /** Whether other machines can reach the listener. */
  get isOpen(): boolean {
    const { address } = this.endpoint
    return !isLoopback(plainAddress(address))
  }

  /**
   * Listens on another address or port; where both are the same, checks whether the address has come or gone.
   * @throws KnownError as bindAt; it goes on listening where it was
   */
  move(address: string, port: number): Promise<void> {
    return this.#inTurn(() => this.#move(address, port))
  }

  /** Takes an address that has come, and gives up one that has gone. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look())
  }

  /** Runs one piece of work after the other: the lookup of a name may take long, and a reload may come meanwhile. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch(() => {})
    return turn
  }

  async #move(address: string, port: number): Promise<void> {
    const before = this.#bound
    if (address === before.wanted.address && port === before.wanted.port) return await this.#look()
    const wantedBefore = { ...before.wanted, port: this.near.port }
    const foundBefore = before.isMissing ? undefined : this.endpoint.address
    const found = await findAddress(address)
    const bind = async () => this.#take(await bindAt({ address, port }, found))
    try {
      await bind()
      for (const server of [before.near, before.far]) stopAccepting(server)
      return
    } catch (error) {
      // For another error, such as a port that needs root, the old sockets are kept.
      const isInOurWay = error instanceof KnownError && error.code === 'address-in-use' && port === wantedBefore.port
      if (!isInOurWay) throw error
    }
    // Our own sockets hold the port: loopback has it already, and 0.0.0.0 or :: needs it on every address.
    this.#stopAccepting()
    try {
      await bind()
    } catch (error) {
      await this.#takeBack(wantedBefore, foundBefore)
      throw error
    }
  }

  async #look(): Promise<void> {
    const { far, isMissing } = this.#bound
    if (far && !(await canBeServed(boundAddressOf(far).address))) {
      stopAccepting(far)
      this.#bound = { ...this.#bound, far: undefined, isMissing: true }
      this.#served = addressesOf(this.#bound)
      this.#sayMissing()
      this.#options.onMove()
    } else if (isMissing) {
      await this.#tryFar()
    }
  }

  /** Closes the sockets at once and for good; the connections stay open. */
  close(): void {
    this.#isClosed = true
    this.#stopAccepting()
  }

  #stopAccepting(): void {
    for (const server of [this.#bound.near, this.#bound.far]) stopAccepting(server)
  }

  async #tryFar(): Promise<void> {
    const { address } = this.#bound.wanted
    try {
      const found = await findAddress(address)
      const server = found === undefined ? undefined : await bindOne(found, this.near.port)
      if (this.#isClosed) stopAccepting(server)
      if (!server || this.#isClosed) return
      this.#bound = { ...this.#bound, far: server, isMissing: false }
      this.#served = addressesOf(this.#bound)
      this.#said = ''
      this.#serve(server)
      this.#options.logs.info(`This machine has the address ${address} now, and it is served`)
      this.#options.onMove()
    } catch (error) {
      this.#say(messageOf(error))
    }
  }

  /** Binds the old addresses again. Another program may have taken them meanwhile: then the listener is down. */
  async #takeBack(wanted: BoundAddress, address: string | undefined): Promise<void> {
    try {
      this.#take(await bindAt(wanted, address))
    } catch (error) {
      this.#options.logs.error(messageOf(error))
      this.#options.onDown()
    }
  }

  #take(bound: BoundServers): void {
    this.#bound = bound
    this.#served = addressesOf(bound)
    this.#open()
  }

  #open(): void {
    const { near, far, isMissing } = this.#bound
    // close() was called meanwhile, so nothing may be opened any more.
    if (this.#isClosed) {
      this.#stopAccepting()
      return
    }
    for (const server of [near, far]) if (server) this.#serve(server)
    if (isMissing) this.#sayMissing()
  }

  #serve(server: Server): void {
    this.#options.accept(server)
    server.on('close', () => this.#options.onDown())
  }

  #sayMissing(): void {
    const { address, port } = this.near
    this.#say(
      `This machine does not have the address ${this.#bound.wanted.address}: it is waited for, ${address} port ${port} is served`,
    )
  }

  /** The same warning is logged once. */
  #say(what: string): void {
    if (what !== this.#said) this.#options.logs.warning(what)
    this.#said = what
  }
}

function addressesOf({ near, far }: Pick<BoundServers, 'near' | 'far'>): {
  near: BoundAddress
  far: BoundAddress | undefined
} {
  return { near: boundAddressOf(near), far: far && boundAddressOf(far) }
}

function stopAccepting(server: Server | undefined): void {
  server?.removeAllListeners('close')
  server?.close()
}

/**
 * Whether the kernel lets us bind an address. That is tried, not read from the interfaces: an address can be bound
 * without standing there (127.0.1.1, ip_nonlocal_bind of ip(7)). Any other error counts as yes.
 */
async function canBeServed(address: string): Promise<boolean> {
  try {
    const probe = await bindOne(address, anyPort)
    probe?.close()
    return probe !== undefined
  } catch {
    return true
  }
}
