import type { Task } from '../engine/task.ts'
import { KnownError } from '../errors.ts'
import { type Account, accountNames, resolveAccount } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import { isPartOfUnit } from '../host/services/control-group.ts'
import { findInitSystem, type InitSystem } from '../host/services/init-system.ts'
import type { ServiceManager } from '../host/services/service-manager.ts'
import { isUp, Systemd } from '../host/services/systemd.ts'
import { findSystemdVersion } from '../host/services/systemd-version.ts'
import { Sysv } from '../host/services/sysv.ts'
import type { Adoption } from '../key/reconcile.ts'
import type { CandidateKey } from '../keycheck/sealed-refusal.ts'
import { services } from '../paths.ts'
import { ownCommand, type ProgramName } from '../product/own-program.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import { type ConfigStore, type Watch, waitHint } from '../store/config-store.ts'
import { openStore } from '../store/open-store.ts'
import type { PreflightName } from './preflight-name.ts'

/** What a run of setup was asked to do, besides the settings. */
export interface SetupRequest {
  adopt: Adoption | undefined
  /** The key of a sealed backup is to be put in place. */
  restore?: CandidateKey | undefined
  /** Where settings are kept: `--config`, or the usual place. */
  settingsFile: string
  /** Nothing may be written, not even a note of what we wait for. */
  check: boolean
  /** Failures of preflight that are only warned of. */
  ignoredPreflight: readonly PreflightName[]
  /** The files of the original may be moved aside. */
  takeOver: boolean
  /** An image is made: what belongs to a single machine (the key) is left to its first boot. */
  forImage: boolean
  /** Wraps each wait for a server. */
  watch?: Watch | undefined
  /** Services are only installed, not started, as `SYSTEMD_OFFLINE=1` asks. */
  offline: boolean
}

/** SYSTEMD_OFFLINE, as systemctl reads it (systemd's ENVIRONMENT.md). */
export function asksForOffline(environment: Readonly<Record<string, string | undefined>>): boolean {
  return /^(1|yes|y|true|t|on)$/i.test(environment.SYSTEMD_OFFLINE ?? '')
}

/** The command line of one of our programs, where a package installed it. */
export function packagedCommand(name: ProgramName): [program: string] {
  return [`/usr/sbin/${name}`]
}

/** The machine that is set up, with its store, for the tasks. */
export class Machine implements AsyncDisposable {
  readonly host: Host
  readonly settings: LoadedSettings
  readonly request: SetupRequest
  readonly signal: AbortSignal
  #store: Promise<ConfigStore> | undefined
  readonly #seen = new Map<string, unknown>()

  constructor(host: Host, settings: LoadedSettings, request: SetupRequest, signal: AbortSignal) {
    this.host = host
    this.settings = settings
    this.request = request
    this.signal = signal
  }

  /** Who owns the key file and runs the service. @throws KnownError `missing-account` */
  get owner(): Account {
    return this.lookOnce('owner', () => resolveAccount(this.host.files, this.settings.owner))
  }

  /** User and group as files of services name them. */
  get ownerNames(): { user: string; group: string } {
    return accountNames(this.host.files, this.owner)
  }

  /** Services can only be installed: running ones are not those of the machine that is set up. */
  get isOffline(): boolean {
    return !this.host.isLive || this.request.forImage || this.request.offline || this.host.isInChroot
  }

  get initSystem(): InitSystem {
    const { init } = this.settings
    return init === 'auto' ? this.lookOnce('init system', () => findInitSystem(this.host, !this.isOffline)) : init
  }

  /** undefined where it cannot be told */
  get systemdVersion(): number | undefined {
    return this.lookOnce('systemd', () => findSystemdVersion(this.host))
  }

  /** What starts and stops services here; undefined where nothing does, or running services must not be touched. */
  get services(): ServiceManager | undefined {
    if (this.isOffline || this.initSystem === 'none') return undefined
    return this.initSystem === 'systemd' ? this.systemd : new Sysv(this.host.commands, this.signal)
  }

  /** Whether the first-boot unit is active or about to start, by us or by another process. The daemon's jobs wait for it. */
  async isInFirstBoot(): Promise<boolean> {
    if (this.isOffline || this.initSystem !== 'systemd') return false
    if (isPartOfUnit(`${services.firstBoot}.service`)) return true
    const firstBoot = await this.systemd.unit(services.firstBoot)
    return isUp(firstBoot) || firstBoot.hasJob
  }

  get systemd(): Systemd {
    return new Systemd(this.host.commands, this.signal)
  }

  /** The command line that starts one of our programs on the target machine. */
  command(name: ProgramName): [program: string, ...args: string[]] {
    return this.host.isLive ? ownCommand(name) : packagedCommand(name)
  }

  /** The store, opened at the first call. @throws KnownError as openStore says */
  store(): Promise<ConfigStore> {
    this.#store ??= this.#openStore()
    return this.#store
  }

  async #openStore(): Promise<ConfigStore> {
    try {
      return await openStore(this.settings, this.host, () => this.owner, this.signal, { watch: this.request.watch })
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'database-unreachable') throw error
      const said = this.settings.waitForDb > 0 ? error.hint.replace(waitHint, '') : error.hint
      const image = this.services ? '' : '; for an image, which sets itself up at its first boot: --for-image'
      throw new KnownError(error.code, error.message, `${said}${image}`, { cause: error })
    }
  }

  /** The settings with the rows of table config; without the rows where the table is not made yet, and in an image. */
  async settingsWithRows(): Promise<Settings> {
    if (this.request.forImage) return this.settings
    const store = await this.store()
    if (this.createsSchema && !(await store.schema()).table) return this.settings
    return this.settings.withRows(await store.rows(), () => this.owner)
  }

  /** Whether a missing table and rows are created: always in the embedded store, on a server only on request. */
  get createsSchema(): boolean {
    return this.settings.store === 'sqlite' || this.settings.createSchema
  }

  /** Looks only once at what no task changes, and remembers the result; an error is not remembered. */
  lookOnce<T>(what: string, look: () => T): T {
    if (!this.#seen.has(what)) this.#seen.set(what, look())
    return this.#seen.get(what) as T
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A store that could not be opened has nothing to close.
    const store = await this.#store?.catch(() => undefined)
    await store?.[Symbol.asyncDispose]()
  }
}

export type SetupTask = Task<Machine>
