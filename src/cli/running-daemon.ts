import { stopDaemon } from '../daemon/instance/control.ts'
import { cannotBeSeen, findDaemon } from '../daemon/instance/find.ts'
import type { Host } from '../host/host.ts'
import { Systemd } from '../host/services/systemd.ts'
import { isOwnedBySystemd } from '../host/services/systemd-service.ts'
import { services } from '../paths.ts'
import type { RunningDaemon } from '../setup/seal.ts'
import { stopLimitSeconds } from './time-limits.ts'

/**
 * The daemon of this machine or tree, whoever started it, and how to stop it: by systemd where that owns the service
 * and would start it again, else by signal.
 * @throws KnownError `preflight` where it cannot be told whether one runs
 */
export function findRunningDaemon(host: Host, signal: AbortSignal): RunningDaemon | undefined {
  const state = findDaemon(host, undefined)
  if (state.kind === 'unknown') throw cannotBeSeen(state.why)
  if (state.kind !== 'running' && state.kind !== 'waiting') return undefined
  return {
    pid: state.process.pid,
    async stop() {
      if (host.isLive && isOwnedBySystemd(host, services.daemon))
        await new Systemd(host.commands, signal).stop(services.daemon)
      else await stopDaemon(host, stopLimitSeconds * 1000, signal)
    },
  }
}
