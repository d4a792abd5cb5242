import { describeError } from '../errors.ts'
import { verifyWhileServing } from '../keycheck/verify-key.ts'
import { describeSettings } from '../settings/describe.ts'
import { printable } from '../text/printable.ts'
import { mostFailureLetters } from './instance/note.ts'
import { describePlace } from './listener/listening.ts'
import { logPlace } from './logs/place.ts'
import type { Serving } from './serving.ts'

/**
 * Reads the settings aside, checks them as a start does, and swaps. What is wrong changes nothing,
 * and is logged and told. The logs are opened anew in any case. Never rejects.
 * @param isLast whether no other reload follows at once
 */
export async function reload(serving: Serving, isLast: () => boolean): Promise<void> {
  const { logs, pidfile, notifier, record, listening, stop } = serving
  record.update({ reloads: { ...record.note.reloads, running: true } })
  await notifier.reloading()
  logs.reopen()
  pidfile.putBack()
  const failure = await swap(serving).then(() => undefined, explain)
  if (stop.aborted) return
  if (failure === undefined) logs.info('Reloaded')
  else logs.error(`Not reloaded, the old settings stay: ${failure}`)
  await notifier.reloaded(failure === undefined ? describePlace(listening.place) : `Not reloaded: ${failure}`)
  record.update({ reloads: { ended: record.note.reloads.ended + 1, running: !isLast(), failure } })
}

async function swap(serving: Serving): Promise<void> {
  const { options, host, account, stop, logs, listening, record, current } = serving
  const loaded = options.loadSettings(host)
  const { settings, key, warnings } = await verifyWhileServing(loaded, host, account, stop)
  stop.throwIfAborted()
  logs.reconfigure(logPlace(settings, options.logFile))
  try {
    await listening.follow(settings)
  } catch (error) {
    logs.reconfigure(logPlace(current.settings, options.logFile))
    throw error
  }
  if (loaded.owner !== current.loaded.owner) logs.warning('Another owner runs the service from its next start on')
  Object.assign(current, { loaded, settings })
  record.update({ listens: listening.place, keyFingerprint: key.fingerprint, drift: undefined })
  for (const setting of describeSettings(settings)) logs.debug(setting)
  for (const warning of warnings) logs.warning(warning)
}

/** In one line, as logs, systemd and the note want it. */
export function explain(error: unknown): string {
  return printable(describeError(error).replace(/\s+/g, ' ')).slice(0, mostFailureLetters)
}
