import type { Task } from '../engine/task.ts'
import { type Account, resolveAccount } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import type { Adoption } from '../key/reconcile.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { ConfigStore } from '../store/config-store.ts'
import { openStore } from '../store/open-store.ts'
import type { PreflightName } from './preflight-name.ts'

/** What a run of setup was asked to do, besides the settings. */
export interface Request {
  adopt: Adoption | undefined
  /** Where settings are kept: `--config`, or the usual place. */
  settingsFile: string
  /** Nothing may be written, not even a note of what we wait for. */
  check: boolean
  /** Failures of preflight that are only warned of. */
  ignoredPreflight: readonly PreflightName[]
}

/** The machine that is set up, with its store, for the tasks. */
export class Machine implements AsyncDisposable {
  readonly host: Host
  readonly settings: LoadedSettings
  readonly request: Request
  readonly signal: AbortSignal
  #store: Promise<ConfigStore> | undefined
  #owner: Account | undefined

  constructor(host: Host, settings: LoadedSettings, request: Request, signal: AbortSignal) {
    this.host = host
    this.settings = settings
    this.request = request
    this.signal = signal
  }

  /** Who owns the key file and runs the service. @throws KnownError `missing-account` */
  get owner(): Account {
    this.#owner ??= resolveAccount(this.host.files, this.settings.owner)
    return this.#owner
  }

  /** The store, opened at the first call. @throws KnownError as openStore says */
  store(): Promise<ConfigStore> {
    this.#store ??= openStore(this.settings, this.host, () => this.owner, this.signal)
    return this.#store
  }

  /** The settings with the rows of table config; without them while the table is yet to be made. */
  async settingsWithRows(): Promise<Settings> {
    const store = await this.store()
    if (this.createsSchema && !(await store.schema()).table) return this.settings
    return this.settings.withRows(await store.rows())
  }

  /** Missing tables and rows are made: always in the embedded store, in a server on request. */
  get createsSchema(): boolean {
    return this.settings.store === 'sqlite' || this.settings.createSchema
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A store that could not be opened has nothing to close.
    const store = await this.#store?.catch(() => undefined)
    await store?.[Symbol.asyncDispose]()
  }
}

export type SetupTask = Task<LoadedSettings, Machine>
