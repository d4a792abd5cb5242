/**
 * Where the listener listens: loopback always, and the address that was asked for as long as this machine
 * has it. One that it does not have is waited for, and one that it loses is given up, without an end.
 */
import type { Server } from 'node:net'
import { KnownError, messageOf } from '../../errors.ts'
import { isLoopback, plainAddress } from '../../text/addresses.ts'
import type { Place } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import { type Bound, type BoundServers, bindAt, bindOne, findAddress, whereIs } from './bind.ts'

const anyPort = 0

export interface DoorsOptions {
  logs: Logs
  /** Gets each server from now on. */
  accept(server: Server): void
  /** The address has come or gone: it is served elsewhere now. */
  onMove(): void
  /** A server ended that nobody has closed. */
  onDown(): void
}

export class Doors {
  readonly #options: DoorsOptions
  #bound: BoundServers
  /** Where both are; also while they are closed in a move. */
  #served: { near: Bound; far: Bound | undefined }
  #said = ''
  #lastTurn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(bound: BoundServers, options: DoorsOptions) {
    this.#options = options
    this.#bound = bound
    this.#served = placesOf(bound)
    this.#open()
  }

  /** Of loopback, where our own ping goes. */
  get near(): Bound {
    return this.#served.near
  }

  /** Where it listens besides, if it does; else that of loopback, and the address that is waited for. */
  get place(): Place {
    const place = this.#served.far ?? this.near
    const { isMissing, wanted } = this.#bound
    return isMissing ? { ...place, waitsFor: wanted.address } : place
  }

  /** Other machines can reach it. */
  get isOpen(): boolean {
    const { address } = this.place
    return !isLoopback(plainAddress(address))
  }

  /**
   * Listens elsewhere, or looks whether the address has come or gone.
   * @throws KnownError as bindAt; it goes on where it was
   */
  move(address: string, port: number): Promise<void> {
    return this.#inTurn(() => this.#move(address, port))
  }

  /** Takes an address that has come, and gives up one that has gone. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look())
  }

  /** A name may take long to be looked up, and a reload come meanwhile: one after the other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch(() => {})
    return turn
  }

  async #move(address: string, port: number): Promise<void> {
    const before = this.#bound
    if (address === before.wanted.address && port === before.wanted.port) return await this.#look()
    const wantedBefore = { ...before.wanted, port: this.near.port }
    const foundBefore = before.isMissing ? undefined : this.place.address
    const found = await findAddress(address)
    const bind = async () => this.#take(await bindAt({ address, port }, found))
    try {
      await bind()
      for (const server of [before.near, before.far]) stopAccepting(server)
      return
    } catch (error) {
      // What cannot be had at all, such as a port that needs root, costs us nothing that we have.
      const isInOurWay = error instanceof KnownError && error.code === 'address-in-use' && port === wantedBefore.port
      if (!isInOurWay) throw error
    }
    // Loopback, and every address, are in the way of ourselves.
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
    if (far && !(await canBeServed(whereIs(far).address))) {
      stopAccepting(far)
      this.#bound = { ...this.#bound, far: undefined, isMissing: true }
      this.#served = placesOf(this.#bound)
      this.#sayMissing()
      this.#options.onMove()
    } else if (isMissing) {
      await this.#tryFar()
    }
  }

  /** Closes the ports at once and for good; their connections go on. */
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
      this.#served = placesOf(this.#bound)
      this.#said = ''
      this.#serve(server)
      this.#options.logs.info(`This machine has the address ${address} now, and it is served`)
      this.#options.onMove()
    } catch (error) {
      this.#say(messageOf(error))
    }
  }

  /** Another program may have been faster: then we serve nobody any more. */
  async #takeBack(wanted: Bound, address: string | undefined): Promise<void> {
    try {
      this.#take(await bindAt(wanted, address))
    } catch (error) {
      this.#options.logs.error(messageOf(error))
      this.#options.onDown()
    }
  }

  #take(bound: BoundServers): void {
    this.#bound = bound
    this.#served = placesOf(bound)
    this.#open()
  }

  #open(): void {
    const { near, far, isMissing } = this.#bound
    // Whoever has closed all of it meanwhile wants nothing opened any more.
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

  /** The same is told once. */
  #say(what: string): void {
    if (what !== this.#said) this.#options.logs.warning(what)
    this.#said = what
  }
}

function placesOf({ near, far }: Pick<BoundServers, 'near' | 'far'>): { near: Bound; far: Bound | undefined } {
  return { near: whereIs(near), far: far && whereIs(far) }
}

function stopAccepting(server: Server | undefined): void {
  server?.removeAllListeners('close')
  server?.close()
}

/**
 * Asked as the kernel decides it for us: what can be served need be no address of an interface (127.0.1.1,
 * ip_nonlocal_bind of ip(7)). Where it cannot be asked, nothing has changed.
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
