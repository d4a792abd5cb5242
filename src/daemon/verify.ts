/** `frameworkd verify`: the checks made before serving, alone, each told. */
import { resolveAccount } from '../host/accounts.ts'
import { becomeAccount } from '../host/become.ts'
import { Host } from '../host/host.ts'
import type { LoadedSettings } from '../settings/load.ts'
import { importStore } from '../store/open-store.ts'
import { type Check, verifyKey } from './verify-key.ts'

export interface CheckResult {
  name: string
  outcome: 'ok' | 'warning' | 'failed'
  /** What was found; empty for a failure, whose error says it. */
  detail: string
}

export interface VerifyOptions {
  root: string
  loadSettings(host: Host): LoadedSettings
  /** The account that the daemon would become, instead of the owner. */
  user: string | undefined
  signal: AbortSignal
}

/**
 * Makes the checks with the rights of the service's own account, which we become for good when we
 * are root.
 * @param tell gets each result; what cannot be checked after a failure is not told
 * @throws KnownError the first failure, as the daemon's start would end with it
 */
export async function verify(options: VerifyOptions, tell: (result: CheckResult) => void): Promise<void> {
  const check: Check = async (name, work, describe) => {
    try {
      const found = await work()
      tell({ name, outcome: 'ok', detail: describe(found) })
      return found
    } catch (error) {
      tell({ name, outcome: 'failed', detail: '' })
      throw error
    }
  }
  const asRoot = new Host(options.root)
  const loadAll = async () => {
    const loaded = options.loadSettings(asRoot)
    await importStore(loaded)
    return loaded
  }
  const loaded = await check('settings', loadAll, ({ store, sources }) => `${store} (${sources.store})`)
  const account = await check(
    'account',
    () => resolveAccount(asRoot.files, options.user ?? loaded.owner),
    ({ text, uid, gid }) => `${text}, uid ${uid}, gid ${gid}`,
  )
  becomeAccount(account)
  const { warnings } = await verifyKey(loaded, new Host(options.root), account, options.signal, check)
  for (const detail of warnings) tell({ name: 'warning', outcome: 'warning', detail })
}
