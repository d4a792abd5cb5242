/**
 * Whether file and row still agree, looked at from time to time, read-only: the daemon goes on serving,
 * and whoever watches it hears of it. A database that does not answer says nothing of the key.
 */
import { KnownError } from '../errors.ts'
import { verifyWhileServing } from '../keycheck/verify-key.ts'
import { explain } from './reload.ts'
import { type Serving, tellPlace } from './serving.ts'

/** The exit code of errors of the key: it needs a human. */
const keyNeedsHuman = 3

/** How soon it is asked again whether to look, where that is switched off. */
const offEveryMs = 60_000

/** Looks as often as the settings in force say, until disposed. */
export function watchDrift(serving: Serving): Disposable {
  let timer: NodeJS.Timeout
  const plan = () => {
    const everyMs = serving.current.settings.driftEvery * 1000
    const next = everyMs === 0 ? plan : () => void look(serving).finally(plan)
    if (!serving.stop.aborted) timer = setTimeout(next, everyMs || offEveryMs).unref()
  }
  plan()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

async function look(serving: Serving): Promise<void> {
  const { current, host, account, stop, record, logs } = serving
  const { loaded } = current
  const outcome = await verifyWhileServing(loaded, host, account, stop).then(() => undefined, driftOf)
  // What was reloaded meanwhile was looked at anew.
  if (outcome === 'unknown' || stop.aborted || loaded !== current.loaded) return
  if (outcome === record.note.drift) return
  record.update({ drift: outcome })
  if (outcome === undefined) logs.info('File and row hold the same key again')
  else logs.warning(`File and row no longer agree: ${outcome}`)
  await tellPlace(serving)
}

/** @returns why they do not agree */
function driftOf(error: unknown): string | 'unknown' {
  return error instanceof KnownError && error.exitCode === keyNeedsHuman ? explain(error) : 'unknown'
}
