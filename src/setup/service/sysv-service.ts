/** The daemon as a SysV init script: installed, enabled in its runlevels, and running. */
import type { Plan } from '../../engine/task.ts'
import { paths, programs, services } from '../../paths.ts'
import type { Machine } from '../machine.ts'
import { requireReadableKey } from '../readable-key.ts'
import { planFiles, recordLink } from './installed.ts'
import { ServiceRestarts } from './restarts.ts'
import { isEnabledInRunlevels, startLevels, stopLevels } from './runlevels.ts'
import { initScript } from './service-files.ts'

const name = services.daemon
const limitMs = 60_000
/** With the numbers that update-rc.d(8) gives without dependencies. */
const links = [
  ...startLevels.map((level) => `/etc/rc${level}.d/S20${name}`),
  ...stopLevels.map((level) => `/etc/rc${level}.d/K20${name}`),
]

export async function planSysvService(machine: Machine): Promise<Plan> {
  const { host } = machine
  requireReadableKey(machine, await machine.settingsWithRows())
  const files = planFiles(host, [initScript(machine)])
  const manager = machine.services
  const isThere = host.files.stat(paths.initScript) !== undefined
  const starts = manager !== undefined && !(isThere && (await manager.isRunning(name)))
  const enables = !isEnabledInRunlevels(host)
  const steps = [...files.steps, ...(enables ? [`enable ${name}`] : []), ...(starts ? [`start ${name}`] : [])]
  if (steps.length === 0) {
    return manager === undefined
      ? { outcome: 'deferred', summary: `${name} is enabled, and runs from the next boot` }
      : { outcome: 'ok', summary: `${name} is enabled and runs` }
  }
  return {
    outcome: 'change',
    summary: steps.join(', '),
    diff: files.diff,
    warnings: files.warnings,
    ...(files.steps.length > 0 && { restarts: name }),
    async apply() {
      files.apply()
      if (enables) await enableInRunlevels(machine)
      if (!starts) return
      await manager.start(name)
      new ServiceRestarts(machine).settle(name)
    },
  }
}

async function enableInRunlevels({ host, isOffline, signal }: Machine): Promise<void> {
  const updateRc = isOffline ? undefined : host.commands.find(programs.updateRc)
  if (updateRc !== undefined) await host.commands.run(updateRc, [name, 'defaults'], limitMs, signal)
  if (isEnabledInRunlevels(host)) return
  for (const link of links) {
    recordLink(host, link)
    host.files.writeLink(link, `../init.d/${name}`)
  }
}
