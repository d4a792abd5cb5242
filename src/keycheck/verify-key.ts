import { KnownError } from '../errors.ts'
import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import { poll } from '../host/waiting.ts'
import type { Key } from '../key/key.ts'
import { cloneWarnings, readMarks } from '../product/machine-mark.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { ConfigStore, Watch } from '../store/config-store.ts'
import { openStore } from '../store/open-store.ts'
import { inspectKey, requireAgreement } from './inspect.ts'

/** What has to be true before the daemon serves, as it was found. */
export interface Verification {
  /** With the rows of table config. */
  settings: Settings
  key: Key
  warnings: readonly string[]
}

/** Makes one check, and may tell people of it. */
export type Check = <T>(name: string, work: () => T | Promise<T>, describe: (found: T) => string) => Promise<T>

/** Milliseconds that a check waits for a busy store while clients are served. They wait, too: so it is tried again instead. */
export const servingPatienceMs = 20
const retryEveryMs = 200
const busyLimitMs = 5000

const checkInSilence: Check = async (_name, work) => work()

/**
 * The checks made before serving: the store answers, its rows are sound, file and row hold the same
 * key. Reads only.
 * @throws KnownError as the store says, `configuration`, or with exit code 3 for the key
 */
export async function verifyKey(
  loaded: LoadedSettings,
  host: Host,
  owner: Ids,
  signal: AbortSignal,
  { check = checkInSilence, watch }: { check?: Check | undefined; watch?: Watch | undefined } = {},
): Promise<Verification> {
  const patienceMs = check === checkInSilence ? servingPatienceMs : undefined
  const open = () => openStore(loaded, host, () => owner, signal, { watch, patienceMs })
  await using store = await check('database', open, ({ place }) => place)
  const readRows = async () => loaded.withRows(await store.rows(), () => owner)
  await check('rows', () => againIfBehind(store, readRows), describeListener)
  // With the rows of this look: those of the first one may be old, too.
  const agree = async () => {
    const settings = await readRows()
    return { settings, ...requireAgreement(await inspectKey(settings, host, store)) }
  }
  const { settings, key, warnings } = await check(
    'key',
    () => againIfBehind(store, agree),
    (found) => `${found.key.fingerprint}, the same in ${found.settings.keyFile} and row encryption_key`,
  )
  return {
    settings,
    key,
    warnings: [...loaded.warnings, ...store.warnings, ...warnings, ...cloneWarnings(readMarks(host))],
  }
}

/**
 * Checks again where a check failed and the server may be behind: setup has just written the row by another node.
 */
async function againIfBehind<T>(store: ConfigStore, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof KnownError) || !(await store.catchUp())) throw error
    return await look()
  }
}

/**
 * The same checks while clients are served. A store that is busy (another program holds it) is tried again and again,
 * with short waits: in all for as long as other callers wait for it at once.
 */
export async function verifyWhileServing(
  ...[loaded, host, owner, signal]: [LoadedSettings, Host, Ids, AbortSignal]
): Promise<Verification> {
  let busy: unknown
  const tryToVerify = () =>
    verifyKey(loaded, host, owner, signal).catch((error: unknown) => {
      if (!(error instanceof KnownError) || error.code !== 'busy') throw error
      busy = error
      return undefined
    })
  const verified = await poll(tryToVerify, { everyMs: retryEveryMs, limitMs: busyLimitMs, signal })
  if (!verified) throw busy
  return verified
}

function describeListener({ listener, listenAddress, port }: Settings): string {
  return listener ? `listen on ${listenAddress} port ${port}` : 'no listener'
}
