/**
 * Whether the listener still serves: our own `ping`, over loopback, like any client's. Two in a row
 * that are not answered with `pong` are its end. A ping that the listener itself has refused for want of a place
 * is not silence.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError, systemCode } from '../../errors.ts'
import type { Bound } from './bind.ts'
import { pingDaemon } from './ping-client.ts'

/** How often it is asked, where nobody wants it more often. */
export const usualSuperviseEveryMs = 30_000
const answerLimitMs = 5000
/** After a ping that was not answered the next one is not long in coming. */
const retryMs = 1000
/** Ports to ask from; another program may have the one that is tried. */
const firstPort = 20_000
const lastPort = 60_000
const portAttempts = 10

/** A ping of our own, while we wait for its answer. */
export interface OwnPing extends Disposable {
  /** The listener, or the kernel in front of it, had no room for it. */
  wasRefused(): boolean
}

export interface Supervised {
  /** Where it listens now. */
  place(): Bound
  /** Makes known that what comes from this port of loopback is our own, until the ping is disposed of. */
  expectPing(localPort: number): OwnPing
  /** A ping was answered. */
  onAlive(): void
}

/**
 * Asks until the signal ends it.
 * @throws KnownError `listener-down` when two pings in a row were not answered
 */
export async function supervise(supervised: Supervised, everyMs: number, signal: AbortSignal): Promise<void> {
  for (let silent = 0; silent < 2; ) {
    // Where it ends there is no place to ask any more.
    if (signal.aborted) return
    const outcome = await ask(supervised)
    if (signal.aborted) return
    if (outcome === 'answered') supervised.onAlive()
    silent = outcome === 'silent' ? silent + 1 : 0
    const pauseMs = outcome === 'answered' ? everyMs : Math.min(everyMs, retryMs)
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {})
  }
  throw listenerDown()
}

export function listenerDown(): KnownError {
  return new KnownError('listener-down', 'Listener is down', 'its supervisor starts it again; the log says more')
}

async function ask(supervised: Supervised): Promise<'answered' | 'refused' | 'silent'> {
  for (let attempt = 1; ; attempt += 1) {
    const localPort = firstPort + Math.floor(Math.random() * (lastPort - firstPort))
    using ownPing = supervised.expectPing(localPort)
    const { address, port } = supervised.place()
    try {
      return (await pingDaemon(address, port, answerLimitMs, localPort)) ? 'answered' : 'silent'
    } catch (error) {
      if (ownPing.wasRefused()) return 'refused'
      const isTaken = ['EADDRINUSE', 'EADDRNOTAVAIL'].includes(systemCode(error) ?? '')
      if (!isTaken || attempt === portAttempts) return 'silent'
    }
  }
}
