/**
 * Which other machines may send commands: the sensors in the database. The list is read in the background, by
 * one connection at a time; no client ever waits for it or causes a connection of its own. While
 * the list is unknown, or was last read too long ago, no other machine may.
 */
import { messageOf } from '../../errors.ts'
import { plainAddress } from '../../text/addresses.ts'
import type { Logs } from '../logs/logs.ts'

const refreshEveryMs = 60_000
/** An unknown address may be that of a new sensor: the list is read again then, but not more often than this. */
const refreshAtMostEveryMs = 5000
/** A list that was not read for so long is forgotten. */
const keepMs = 600_000

export interface AccessList extends Disposable {
  /** Whether a plain address is a sensor's, as far as is known. */
  has(address: string): boolean
  /** Reads the list now and keeps it fresh, or forgets it: a listener that only loopback reaches needs none. */
  keepFresh(wanted: boolean): void
  /** How many sensors are known; undefined while the list is not. */
  readonly known: number | undefined
}

export interface AccessListOptions {
  /** The addresses of all sensors. */
  readSensors(signal: AbortSignal): Promise<readonly string[]>
  logs: Logs
}

export function createAccessList(options: AccessListOptions): AccessList {
  return new SensorList(options)
}

class SensorList implements AccessList {
  readonly #options: AccessListOptions
  readonly #ended = new AbortController()
  #addresses: ReadonlySet<string> | undefined
  #readAt = 0
  #triedAt = Number.NEGATIVE_INFINITY
  #isReading = false
  #failure = ''
  #timer: NodeJS.Timeout | undefined

  constructor(options: AccessListOptions) {
    this.#options = options
  }

  get known(): number | undefined {
    return this.#fresh()?.size
  }

  has(address: string): boolean {
    if (this.#timer === undefined) return false
    const found = this.#fresh()?.has(address) ?? false
    if (!found && performance.now() - this.#triedAt >= refreshAtMostEveryMs) void this.#read()
    return found
  }

  keepFresh(wanted: boolean): void {
    if (wanted === (this.#timer !== undefined)) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#addresses = undefined
    if (!wanted) return
    this.#timer = setInterval(() => void this.#read(), refreshEveryMs).unref()
    void this.#read()
  }

  [Symbol.dispose](): void {
    this.keepFresh(false)
    this.#ended.abort()
  }

  #fresh(): ReadonlySet<string> | undefined {
    return performance.now() - this.#readAt < keepMs ? this.#addresses : undefined
  }

  async #read(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    this.#triedAt = performance.now()
    try {
      const addresses = await this.#options.readSensors(this.#ended.signal)
      this.#addresses = new Set(addresses.map(plainAddress))
      this.#readAt = performance.now()
      this.#failure = ''
    } catch (error) {
      this.#tell(messageOf(error))
    } finally {
      this.#isReading = false
    }
  }

  /** The same failure is logged once. */
  #tell(failure: string): void {
    if (failure === this.#failure || this.#ended.signal.aborted) return
    this.#failure = failure
    this.#options.logs.warning(`The list of sensors was not read: ${failure}`)
  }
}
