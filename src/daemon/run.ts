/** The life of the daemon, from top to bottom. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KnownError } from '../errors.ts'
import { resolveAccount } from '../host/accounts.ts'
import { becomeAccount } from '../host/become.ts'
import { type Console, isJournal, openConsole } from '../host/console.ts'
import type { Ids } from '../host/files.ts'
import { Host } from '../host/host.ts'
import { inspectKey, requireAgreement } from '../key/inspect.ts'
import { paths } from '../paths.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import { importStore, openStore } from '../store/open-store.ts'
import { type AccessList, createAccessList } from './access-list.ts'
import { lockInstance } from './instance-lock.ts'
import { listen } from './listener.ts'
import type { LogFormat } from './log-lines.ts'
import { Logs } from './logs.ts'
import { writePidfile } from './pidfile.ts'
import { listenForSignals } from './signals.ts'

export interface RunOptions {
  root: string
  loadSettings(host: Host): LoadedSettings
  /** The account to become, instead of the owner. */
  user: string | undefined
  pidfile: string | undefined
  logFile: string | undefined
  verbosity: number
  logFormat: LogFormat
  /** Standard error. */
  console: typeof process.stderr
}

/** Serves until a signal ends it. @throws KnownError when it cannot serve, or no longer can */
export async function run(options: RunOptions): Promise<void> {
  using signals = listenForSignals()
  const console = openConsole(options.console, (lost) => `frameworkd: ${lost} lines were lost here\n`)
  const asRoot = new Host(options.root)
  const loaded = options.loadSettings(asRoot)
  const account = resolveAccount(asRoot.files, options.user ?? loaded.owner)
  makeRunEntries(asRoot, account)
  // What is imported later would be read with the owner's rights, from a folder that it may not read.
  await importStore(loaded)
  becomeAccount(account)

  const host = new Host(options.root)
  const pidfile = options.pidfile ?? paths.pidfile
  const verified = await waitAndVerify(host, loaded, account, console, signals.stop)
  if (!verified) return
  const { settings, warnings } = verified
  using _lock = lockInstance(host, pidfile)
  using logs = new Logs(host, {
    path: options.logFile ?? `${settings.logDir.replace(/\/+$/, '')}/frameworkd.log`,
    mode: settings.logMode,
    verbosity: options.verbosity,
    format: options.logFormat,
    console,
    journal: isJournal(options.console.fd, process.env.JOURNAL_STREAM),
  })
  signals.onReopen(() => logs.reopen())
  logs.info('Frameworkd is starting up...')
  for (const warning of warnings) logs.warning(warning)
  using _pidfile = writePidfile(host, pidfile, logs)
  try {
    using sensors = createAccessList({
      logs,
      async readSensors(signal) {
        await using store = await openStore(loaded, host, () => account, signal)
        return await store.sensors()
      },
    })
    await serve(settings, logs, sensors, signals.stop)
  } catch (error) {
    logs.error(error instanceof KnownError ? error.message : 'Ending because of a bug')
    throw error
  }
  logs.info('Frameworkd has stopped')
}

async function serve(settings: Settings, logs: Logs, sensors: AccessList, stop: AbortSignal): Promise<void> {
  if (!settings.listener) {
    logs.info('The listener is switched off by row frameworkd_listener')
    using _awake = stayAwake()
    return await aborted(stop)
  }
  await using listener = await listen({
    address: settings.listenAddress,
    port: settings.port,
    logs,
    sensors,
    facts: () => ({ pid: process.pid }),
  })
  logs.info(`Listening on ${listener.address} port ${listener.port}`)
  await Promise.race([aborted(stop), listener.failure])
  logs.info('Stopping')
}

/** What needs root: the folder of lock and pidfile, and the name that monit and old scripts know. */
function makeRunEntries(host: Host, owner: Ids): void {
  host.files.makeFolder(paths.run, { mode: 0o755, owner })
  if (host.privileged || !host.isLive) {
    host.files.writeLink(paths.oldPidfile, paths.pidfile.slice(paths.oldPidfile.lastIndexOf('/') + 1))
  }
}

/** Opens the store as often as it takes and checks the key on it. @returns undefined when a signal came first */
async function waitAndVerify(host: Host, loaded: LoadedSettings, owner: Ids, console: Console, stop: AbortSignal) {
  let told = ''
  for (let pauseMs = 250; !stop.aborted; pauseMs = Math.min(pauseMs * 2, 10_000)) {
    try {
      await using store = await openStore(loaded, host, () => owner, stop)
      const settings = loaded.withRows(await store.rows())
      return { settings, ...requireAgreement(await inspectKey(settings, host, store)) }
    } catch (error) {
      if (stop.aborted) break
      if (!(error instanceof KnownError) || !['database-unreachable', 'busy'].includes(error.code)) throw error
      if (error.message !== told) console.write(`frameworkd: waiting: ${error.message}\n`)
      told = error.message
      await sleep(pauseMs * (0.75 + Math.random() / 2), undefined, { signal: stop }).catch(() => {})
    }
  }
  return undefined
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Listening for signals alone does not keep the process alive; a listener does. */
function stayAwake(): Disposable {
  const timer = setInterval(() => {}, 2 ** 30)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
