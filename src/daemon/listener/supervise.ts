/**
 * Checks that the listener still serves: the daemon sends itself a `ping` over loopback, as any client does. After
 * two in a row that were not answered with `pong` the listener counts as down. A ping that the listener refused
 * because it has no room does not count.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError, systemCode } from '../../errors.ts'
import type { BoundAddress } from './bind.ts'
import { pingDaemon } from './ping-client.ts'

/** Milliseconds between two pings, unless the watchdog needs them more often. */
export const usualSuperviseEveryMs = 30_000
const answerLimitMs = 5000
/** Milliseconds until the next ping after one that was not answered. */
const retryMs = 1000
/** Local ports for the ping. Another program may have the one that is tried: then another one is tried. */
const firstPort = 20_000
const lastPort = 60_000
const portAttempts = 10

/** One of our own pings, while we wait for its answer. */
export interface OwnPing extends Disposable {
  /** The listener, or the kernel in front of it, had no room for it. */
  wasRefused(): boolean
}

export interface SupervisedListener {
  /** Where it listens now. */
  endpoint(): BoundAddress
  /** Tells the listener that a connection from this port of loopback is our own, until the ping is disposed of. */
  expectPing(localPort: number): OwnPing
  /** A ping was answered. */
  onAlive(): void
}

/**
 * Pings until the signal ends it.
 * @throws KnownError `listener-down` when two pings in a row were not answered
 */
export async function supervise(supervised: SupervisedListener, everyMs: number, signal: AbortSignal): Promise<void> {
  for (let silent = 0; silent < 2; ) {
    // At the end there is no address to ping any more.
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

async function ask(supervised: SupervisedListener): Promise<'answered' | 'refused' | 'silent'> {
  for (let attempt = 1; ; attempt += 1) {
    const localPort = firstPort + Math.floor(Math.random() * (lastPort - firstPort))
    using ownPing = supervised.expectPing(localPort)
    const { address, port } = supervised.endpoint()
    try {
      return (await pingDaemon(address, port, answerLimitMs, localPort)) ? 'answered' : 'silent'
    } catch (error) {
      if (ownPing.wasRefused()) return 'refused'
      const isTaken = ['EADDRINUSE', 'EADDRNOTAVAIL'].includes(systemCode(error) ?? '')
      if (!isTaken || attempt === portAttempts) return 'silent'
    }
  }
}
