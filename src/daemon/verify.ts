/** `frameworkd verify`: only the checks that are made before serving, each with its result. */
import { type Account, resolveAccount } from '../host/accounts.ts'
import { Host } from '../host/host.ts'
import { becomeAccount } from '../host/processes/rights/become.ts'
import { type Check, verifyKey } from '../keycheck/verify-key.ts'
import { paths } from '../paths.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { Watch } from '../store/config-store.ts'
import { importStore } from '../store/open-store.ts'
import { type DaemonState, findDaemon } from './instance/find.ts'
import { requireWritablePidfile } from './instance/pidfile.ts'
import { requireUsableRunFolder } from './instance/run-entries.ts'
import { bindEarly } from './listener/bind.ts'
import { EarlyBinding } from './listener/early-binding.ts'
import { describeEndpoint } from './listener/switchable-listener.ts'

export interface CheckResult {
  name: string
  outcome: 'ok' | 'warning' | 'failed'
  /** What was found; empty for a failure, where the error has it. */
  detail: string
}

export interface VerifyOptions {
  root: string
  loadSettings(host: Host): LoadedSettings
  /** The account that the daemon would become, instead of the owner. */
  user: string | undefined
  pidfile: string | undefined
  signal: AbortSignal
  /** Wraps each wait for a server. */
  watch: Watch
}

/**
 * Makes the checks with the rights of the service's own account, which we become for good when we
 * are root.
 * @param tell gets each result; the checks after a failure are not made
 * @throws KnownError the first failure, the same with which a start of the daemon would end
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
  // As root: /proc hides a process that has changed its account from other processes of that account (proc(5)).
  const running = findDaemon(asRoot, undefined)
  becomeAccount(account)
  const host = new Host(options.root)
  const { settings, warnings } = await verifyKey(loaded, host, account, options.signal, { check, watch: options.watch })
  await check(
    'address',
    () => requireAddress(running, settings, early),
    (description) => description,
  )
  await check(
    'pidfile',
    () => requirePidfile(host, options.pidfile, account),
    (path) => path,
  )
  for (const detail of warnings) tell({ name: 'warning', outcome: 'warning', detail })
}

/** Binds the address and gives it back, unless the running daemon has it. @returns the result, in words */
async function requireAddress(daemon: DaemonState, settings: Settings, early: EarlyBinding): Promise<string> {
  const { listener, listenAddress: address, port } = settings
  if (!listener) return 'no listener'
  const there = daemon.kind === 'running' ? daemon.note?.listens : undefined
  // Another address with the same port cannot be tried while the running daemon has that port on loopback.
  if (there?.port === port) return describeEndpoint(there)
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
