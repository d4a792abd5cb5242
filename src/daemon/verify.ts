/** `frameworkd verify`: the checks made before serving, alone, each told. */
import { type Account, resolveAccount } from '../host/accounts.ts'
import { Host } from '../host/host.ts'
import { becomeAccount } from '../host/processes/become.ts'
import { type Check, verifyKey } from '../keycheck/verify-key.ts'
import { paths } from '../paths.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import { importStore } from '../store/open-store.ts'
import { type DaemonState, findDaemon } from './instance/find.ts'
import { requireWritablePidfile } from './instance/pidfile.ts'
import { requireUsableRunFolder } from './instance/run-entries.ts'
import { bindEarly } from './listener/bind.ts'
import { EarlyBinding } from './listener/early-binding.ts'
import { describePlace } from './listener/listening.ts'

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
  pidfile: string | undefined
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
  using early = await EarlyBinding.make(loaded, asRoot.privileged)
  // As root: a process that has changed its account may not be looked into by others of that account (proc(5)).
  const running = findDaemon(asRoot, undefined)
  becomeAccount(account)
  const host = new Host(options.root)
  const { settings, warnings } = await verifyKey(loaded, host, account, options.signal, check)
  await check(
    'address',
    () => requireAddress(running, settings, early),
    (place) => place,
  )
  await check(
    'pidfile',
    () => requirePidfile(host, options.pidfile, account),
    (path) => path,
  )
  for (const detail of warnings) tell({ name: 'warning', outcome: 'warning', detail })
}

/** Takes the place and gives it back, if it is not the running daemon's. @returns what is told of it */
async function requireAddress(daemon: DaemonState, settings: Settings, early: EarlyBinding): Promise<string> {
  const { listener, listenAddress: address, port } = settings
  if (!listener) return 'no listener'
  const there = daemon.kind === 'running' ? daemon.note?.listens : undefined
  // Another address of the same port cannot be tried beside ourselves.
  if (there?.port === port) return describePlace(there)
  const { near, far, isMissing } = (await early.take(address, port)) ?? (await bindEarly(address, port))
  near.close()
  far?.close()
  return `${address} port ${port} is free${isMissing ? ', and waited for: this machine does not have it' : ''}`
}

function requirePidfile(host: Host, pidfile: string | undefined, account: Account): string {
  if (pidfile !== undefined) requireWritablePidfile(host, pidfile, account)
  requireUsableRunFolder(host, account)
  return pidfile ?? paths.pidfile
}
