import { type LogOptions, Logs } from '../../src/daemon/logs/logs.ts'
import { Host } from '../../src/host/host.ts'
import type { Sandbox } from './sandbox.ts'

/** The daemon's logs in this process, as few of them as there can be. @param path of the log */
export function openLogs(sandbox: Sandbox, path: string, options: Partial<LogOptions> = {}): Logs {
  const usual = { mode: 0o644, verbosity: 0, format: 'text', console: undefined, journal: false } as const
  return new Logs(new Host(sandbox.root), { path, ...usual, ...options })
}
