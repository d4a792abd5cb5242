/** The life of the daemon, from top to bottom. */
import { describeError } from '../errors.ts'
import { resolveAccount } from '../host/accounts.ts'
import { Host } from '../host/host.ts'
import { identifyOurselves, nameOurselves } from '../host/processes/process-identity.ts'
import { becomeAccount } from '../host/processes/rights/become.ts'
import { servingPatienceMs, verifyKey } from '../keycheck/verify-key.ts'
import { paths } from '../paths.ts'
import { describeSettings } from '../settings/describe.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import { importStore, openStore } from '../store/open-store.ts'
import { watchDrift } from './drift.ts'
import { factsOf } from './facts.ts'
import { lockInstance } from './instance/lock.ts'
import { Pidfile, requireWritablePidfile } from './instance/pidfile.ts'
import { InstanceRecord } from './instance/record.ts'
import { makeRunEntries } from './instance/run-entries.ts'
import type { Starter } from './instance/starter.ts'
import { WaitingRecord } from './instance/waiting.ts'
import { createAccessList } from './listener/access-list.ts'
import { EarlyBinding } from './listener/early-binding.ts'
import { listen } from './listener/listener.ts'
import { usualSuperviseEveryMs } from './listener/supervise.ts'
import { describeEndpoint, SwitchableListener } from './listener/switchable-listener.ts'
import { logCrashes } from './logs/crashes.ts'
import { logDestination } from './logs/destination.ts'
import { type LogOptions, Logs } from './logs/logs.ts'
import { type Notifier, takeNotifier } from './notify.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { reload } from './reload.ts'
import { announceEndpoint, type ServingDaemon } from './serving.ts'
import { listenForSignals } from './signals.ts'
import { waitAndVerify } from './wait-and-verify.ts'

export interface RunOptions {
  root: string
  loadSettings(host: Host): LoadedSettings
  version: string
  /** The account to become, instead of the owner. */
  user: string | undefined
  pidfile: string | undefined
  /** The log file, instead of the one in the folder of row frameworkd_log_dir. */
  logFile: string | undefined
  log: Pick<LogOptions, 'verbosity' | 'format' | 'console' | 'journal'>
  /** The `frameworkd start` that started us detached, and waits for our result. */
  starter: Starter | undefined
  /** Prints a line while there are no logs yet. */
  say(line: string): void
}

/** The name in the output of `ps`. */
const programName = 'frameworkd'

/** Serves until a signal ends it. @throws KnownError when it cannot serve, or no longer can */
export async function run(options: RunOptions): Promise<void> {
  const notifier = takeNotifier(process.env, options.starter === undefined)
  try {
    await runUntilStopped(options, notifier)
  } catch (error) {
    await notifier.failed(describeError(error))
    throw error
  }
}

async function runUntilStopped(options: RunOptions, notifier: Notifier): Promise<void> {
  const startedAt = new Date().toISOString()
  nameOurselves(programName)
  const signals = listenForSignals({ foreground: options.starter === undefined })
  const stop = options.starter ? AbortSignal.any([signals.stop, options.starter.gone]) : signals.stop
  await notifier.starting('Reading the settings')

  const asRoot = new Host(options.root)
  const loaded = options.loadSettings(asRoot)
  const account = resolveAccount(asRoot.files, options.user ?? loaded.owner)
  const pidfilePath = options.pidfile ?? paths.pidfile
  using early = await EarlyBinding.make(loaded, asRoot.privileged)
  const runWarnings = makeRunEntries(asRoot, account, pidfilePath)
  // Modules are loaded now: the owner's account may not be able to read the program's folder.
  await importStore(loaded)
  becomeAccount(account)

  const host = new Host(options.root)
  if (options.pidfile !== undefined) requireWritablePidfile(host, options.pidfile, account)
  const verify = (signal: AbortSignal) => verifyKey(loaded, host, account, signal)
  using waiting = new WaitingRecord(host, stop)
  const verified = await waitAndVerify(verify, makeWaitReporter(options, notifier, waiting), stop)
  if (!verified) return
  using lock = await lockInstance(host, stop)
  waiting[Symbol.dispose]()
  if (!lock) return
  using logs = new Logs(host, { ...options.log, ...logDestination(verified.settings, options.logFile) })
  const record = new InstanceRecord(lock, logs, {
    process: identifyOurselves(),
    version: options.version,
    startedAt,
    pidfile: pidfilePath,
    keyFingerprint: verified.key.fingerprint,
    serves: false,
    reloads: { ended: 0, running: false },
  })
  using _crashes = logCrashes(logs)
  logs.info('Frameworkd is starting up...')
  for (const setting of describeSettings(verified.settings)) logs.debug(setting)
  for (const warning of [...runWarnings, ...verified.warnings]) logs.warning(warning)
  notifier.onFailure = (message) => logs.error(message)
  using pidfile = new Pidfile(host, pidfilePath, logs)
  signals.onReopen(() => {
    logs.reopen()
    pidfile.putBack()
  })
  try {
    const current = { loaded, settings: verified.settings }
    using sensors = createAccessList({
      logs,
      async readSensors(signal) {
        await using store = await openStore(current.loaded, host, () => account, signal, {
          patienceMs: servingPatienceMs,
        })
        return await store.sensors()
      },
    })
    const onAlive = () => void notifier.alive()
    const superviseEveryMs = Math.min(usualSuperviseEveryMs, notifier.feedEveryMs ?? usualSuperviseEveryMs)
    const open = async ({ listenAddress: address, port }: Settings) => {
      const bound = await early.take(address, port)
      const facts = () => factsOf(record.note)
      const onMove = () => void announceEndpoint(serving)
      return listen({ address, port, ...(bound && { bound }), logs, sensors, facts, onAlive, onMove, superviseEveryMs })
    }
    await using listener = new SwitchableListener({ open, logs, onAlive, aliveEveryMs: superviseEveryMs })
    const serving: ServingDaemon = { options, host, account, stop, notifier, record, logs, pidfile, listener, current }
    await listener.follow(verified.settings)
    record.update({ serves: true, listens: listener.endpoint })
    await notifier.ready(describeEndpoint(listener.endpoint))
    await options.starter?.close({ serves: { pid: process.pid, listens: listener.endpoint } })

    await using reloads = new OneAtATime((isLast) => reload(serving, isLast))
    signals.onReload(() => reloads.ask())
    using _drift = watchDrift(serving)
    using _awake = stayAwake()
    await Promise.race([waitForAbort(stop), listener.failure])
    logs.info('Stopping')
    await notifier.stopping()
  } catch (error) {
    logs.error(describeError(error))
    throw error
  }
  logs.info('Frameworkd has stopped')
}

/** Reports what we wait for: to systemd and in the note each time, to people when it changes. */
function makeWaitReporter({ say }: RunOptions, notifier: Notifier, waiting: WaitingRecord) {
  let said = ''
  return async (waitsFor: string | undefined) => {
    await waiting.update(waitsFor)
    if (waitsFor === undefined) return
    if (waitsFor !== said) say(`waiting: ${waitsFor}`)
    said = waitsFor
    await notifier.starting(`Waiting: ${waitsFor}`)
  }
}

function waitForAbort(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Keeps the process alive: waiting for signals does not, and the listener may be switched off. */
function stayAwake(): Disposable {
  const timer = setInterval(() => {}, 2 ** 30)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
