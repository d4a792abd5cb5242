import type { Account } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { Pidfile } from './instance/pidfile.ts'
import type { InstanceRecord } from './instance/record.ts'
import { describeEndpoint, type SwitchableListener } from './listener/switchable-listener.ts'
import type { Logs } from './logs/logs.ts'
import type { Notifier } from './notify.ts'

/** The parts of a daemon that serves, for a reload and for the check for drift. */
export interface ServingDaemon {
  readonly options: { loadSettings(host: Host): LoadedSettings; logFile: string | undefined }
  readonly host: Host
  readonly account: Account
  readonly stop: AbortSignal
  readonly notifier: Notifier
  readonly record: InstanceRecord
  readonly logs: Logs
  readonly pidfile: Pidfile
  readonly listener: SwitchableListener
  /** The current settings; a reload replaces them. */
  readonly current: { loaded: LoadedSettings; settings: Settings }
}

/** Updates the note and systemd's status line with the address where it listens now. */
export async function announceEndpoint({ record, notifier, listener }: ServingDaemon): Promise<void> {
  record.update({ listens: listener.endpoint })
  const { drift } = record.note
  const endpoint = describeEndpoint(listener.endpoint)
  await notifier.status(drift === undefined ? endpoint : `${endpoint}. File and row no longer agree: ${drift}`)
}
