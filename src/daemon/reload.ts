import { describeError } from '../errors.ts'
import { verifyWhileServing } from '../keycheck/verify-key.ts'
import { describeSettings } from '../settings/describe.ts'
import { printable } from '../text/printable.ts'
import { maxFailureLength } from './instance/note.ts'
import { describeEndpoint } from './listener/switchable-listener.ts'
import { logDestination } from './logs/destination.ts'
import type { ServingDaemon } from './serving.ts'

/**
 * Reads the new settings beside the current ones, checks them as a start does, and swaps them. An error changes
 * nothing, and is logged and reported. The logs are reopened in any case. Never rejects.
 * @param isLast whether no other reload follows at once
 */
export async function reload(serving: ServingDaemon, isLast: () => boolean): Promise<void> {
  const { logs, pidfile, notifier, record, listener, stop } = serving
  record.update({ reloads: { ...record.note.reloads, running: true } })
  await notifier.reloading()
  logs.reopen()
  pidfile.putBack()
  const failure = await swap(serving).then(() => undefined, explain)
  if (stop.aborted) return
  if (failure === undefined) logs.info('Reloaded')
  else logs.error(`Not reloaded, the old settings stay: ${failure}`)
  await notifier.reloaded(failure === undefined ? describeEndpoint(listener.endpoint) : `Not reloaded: ${failure}`)
  record.update({ reloads: { ended: record.note.reloads.ended + 1, running: !isLast(), failure } })
}

async function swap(serving: ServingDaemon): Promise<void> {
  const { options, host, account, stop, logs, listener, record, current } = serving
  const loaded = options.loadSettings(host)
  const { settings, key, warnings } = await verifyWhileServing(loaded, host, account, stop)
  stop.throwIfAborted()
  logs.reconfigure(logDestination(settings, options.logFile))
  try {
    await listener.follow(settings)
  } catch (error) {
    logs.reconfigure(logDestination(current.settings, options.logFile))
    throw error
  }
  if (loaded.owner !== current.loaded.owner) logs.warning('Another owner runs the service from its next start on')
  Object.assign(current, { loaded, settings })
  record.update({ listens: listener.endpoint, keyFingerprint: key.fingerprint, drift: undefined })
  for (const setting of describeSettings(settings)) logs.debug(setting)
  for (const warning of warnings) logs.warning(warning)
}

/** An error in one line, for logs, systemd and the note. */
export function explain(error: unknown): string {
  return printable(describeError(error).replace(/\s+/g, ' ')).slice(0, maxFailureLength)
}
