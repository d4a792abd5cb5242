/**
 * Checks from time to time whether file and row still agree, read-only. Where they do not, the daemon goes on
 * serving and reports it. A database that does not answer proves nothing about the key.
 */
import { KnownError } from '../errors.ts'
import { verifyWhileServing } from '../keycheck/verify-key.ts'
import { explain } from './reload.ts'
import { announceEndpoint, type ServingDaemon } from './serving.ts'

/** The exit code of errors of the key: it needs a human. */
const keyNeedsHuman = 3

/** How often the setting is read again while the check is switched off (`drift-every = 0`): a reload may change it. */
const offEveryMs = 60_000

/** Checks as often as the current settings say, until disposed. */
export function watchDrift(serving: ServingDaemon): Disposable {
  let timer: NodeJS.Timeout
  const plan = () => {
    const everyMs = serving.current.settings.driftEvery * 1000
    const next = everyMs === 0 ? plan : () => void look(serving).finally(plan)
    if (!serving.stop.aborted) timer = setTimeout(next, everyMs || offEveryMs).unref()
  }
  plan()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

async function look(serving: ServingDaemon): Promise<void> {
  const { current, host, account, stop, record, logs } = serving
  const { loaded } = current
  const outcome = await verifyWhileServing(loaded, host, account, stop).then(() => undefined, driftOf)
  // A reload meanwhile has made the same check with newer settings.
  if (outcome === 'unknown' || stop.aborted || loaded !== current.loaded) return
  if (outcome === record.note.drift) return
  record.update({ drift: outcome })
  if (outcome === undefined) logs.info('File and row hold the same key again')
  else logs.warning(`File and row no longer agree: ${outcome}`)
  await announceEndpoint(serving)
}

/** @returns why they do not agree; `unknown` where the check itself failed */
function driftOf(error: unknown): string | 'unknown' {
  return error instanceof KnownError && error.exitCode === keyNeedsHuman ? explain(error) : 'unknown'
}
