/**
 * Where the listener listens: loopback always, and the address that was asked for as long as this machine
 * has it. One that it does not have is waited for, and one that it loses is given up, without an end.
 */
import type { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { messageOf } from '../../errors.ts'
import { isLoopback, plainAddress } from '../../text/addresses.ts'
import type { Place } from '../instance/note.ts'
import type { Logs } from '../logs/logs.ts'
import { type Bound, type BoundServers, bindEarly, bindOne, whereIs } from './bind.ts'

export interface DoorsOptions {
  logs: Logs
  /** Gets each server from now on. */
  accept(server: Server): void
  /** A server ended that nobody has closed. */
  onDown(): void
}

export class Doors {
  readonly #options: DoorsOptions
  #wanted: Bound
  #near: Server
  #far: Server | undefined
  #isMissing: boolean
  #said = ''

  constructor(bound: BoundServers, options: DoorsOptions) {
    this.#options = options
    this.#wanted = bound.wanted
    this.#near = bound.near
    this.#far = bound.far
    this.#isMissing = bound.isMissing
    this.#open(bound)
  }

  /** Of loopback, where our own ping goes. */
  get near(): Bound {
    return whereIs(this.#near)
  }

  /** Where it listens besides, if it does; else that of loopback, and the address that is waited for. */
  get place(): Place {
    const place = whereIs(this.#far ?? this.#near)
    return this.#isMissing ? { ...place, waitsFor: this.#wanted.address } : place
  }

  /** Other machines can reach it. */
  get isOpen(): boolean {
    const { address } = whereIs(this.#far ?? this.#near)
    return !isLoopback(plainAddress(address))
  }

  /**
   * Listens elsewhere, or looks whether the address has come or gone.
   * @throws KnownError as bindEarly; it goes on where it was
   */
  async move(address: string, port: number): Promise<void> {
    if (address === this.#wanted.address && port === this.#wanted.port) return await this.look()
    const before = { wanted: { ...this.#wanted, port: this.near.port }, near: this.#near, far: this.#far }
    // Loopback, and every address, may be in the way of ourselves.
    const isInOurWay = port === before.wanted.port
    if (isInOurWay) this.close()
    try {
      this.#take(await bindEarly(address, port))
    } catch (error) {
      if (isInOurWay) this.#take(await bindEarly(before.wanted.address, before.wanted.port))
      throw error
    }
    if (!isInOurWay) for (const server of [before.near, before.far]) stopAccepting(server)
  }

  /** Takes an address that has come, and gives up one that has gone. */
  async look(): Promise<void> {
    if (this.#far && !hasAddress(whereIs(this.#far).address)) {
      stopAccepting(this.#far)
      this.#far = undefined
      this.#isMissing = true
      this.#sayMissing()
    } else if (this.#isMissing) {
      await this.#tryFar()
    }
  }

  /** Closes the ports at once; their connections go on. */
  close(): void {
    for (const server of [this.#near, this.#far]) stopAccepting(server)
  }

  async #tryFar(): Promise<void> {
    const { address } = this.#wanted
    try {
      const server = await bindOne(address, this.near.port)
      if (!server) return
      this.#far = server
      this.#isMissing = false
      this.#said = ''
      this.#serve(server)
      this.#options.logs.info(`This machine has the address ${address} now, and it is served`)
    } catch (error) {
      this.#say(messageOf(error))
    }
  }

  #take(bound: BoundServers): void {
    this.#wanted = bound.wanted
    this.#near = bound.near
    this.#far = bound.far
    this.#isMissing = bound.isMissing
    this.#open(bound)
  }

  #open({ near, far, isMissing }: BoundServers): void {
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
      `This machine does not have the address ${this.#wanted.address}: it is waited for, ${address} port ${port} is served`,
    )
  }

  /** The same is told once. */
  #say(what: string): void {
    if (what !== this.#said) this.#options.logs.warning(what)
    this.#said = what
  }
}

function stopAccepting(server: Server | undefined): void {
  server?.removeAllListeners('close')
  server?.close()
}

function hasAddress(address: string): boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.some((one) => plainAddress(one.address) === plainAddress(address))
}
