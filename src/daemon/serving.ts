import type { Account } from '../host/accounts.ts'
import type { Host } from '../host/host.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { Pidfile } from './instance/pidfile.ts'
import type { InstanceRecord } from './instance/record.ts'
import { describePlace, type Listening } from './listener/listening.ts'
import type { Logs } from './logs/logs.ts'
import type { Notifier } from './notify.ts'

/** A daemon that serves: what its reload works on. */
export interface Serving {
  readonly options: { loadSettings(host: Host): LoadedSettings; logFile: string | undefined }
  readonly host: Host
  readonly account: Account
  readonly stop: AbortSignal
  readonly notifier: Notifier
  readonly record: InstanceRecord
  readonly logs: Logs
  readonly pidfile: Pidfile
  readonly listening: Listening
  /** The settings in force; a reload exchanges them. */
  readonly current: { loaded: LoadedSettings; settings: Settings }
}

/** Makes known where it listens now, and what systemd's status line says besides. */
export async function tellPlace({ record, notifier, listening }: Serving): Promise<void> {
  record.update({ listens: listening.place })
  const { drift } = record.note
  const place = describePlace(listening.place)
  await notifier.status(drift === undefined ? place : `${place}. File and row no longer agree: ${drift}`)
}
