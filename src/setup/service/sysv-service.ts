/** The daemon as a script of init: there, enabled in its runlevels, and running. */
import type { Plan } from '../../engine/task.ts'
import type { Host } from '../../host/host.ts'
import { paths, programs, services } from '../../paths.ts'
import type { Machine } from '../machine.ts'
import { requireReadableKey } from '../readable-key.ts'
import { planFiles, recordLink } from './installed.ts'
import { ServiceRestarts } from './restarts.ts'
import { initScript } from './service-files.ts'

const name = services.daemon
const limitMs = 60_000
/** The runlevels that people work in, as the script's header says. */
const startLevels = ['2', '3', '4', '5']
const stopLevels = ['0', '1', '6']
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

/** Its links in every runlevel, whoever made them: those of update-rc.d are not in the record. */
export function listRunlevelLinks(host: Host): string[] {
  const isLink = new RegExp(`^[SK]\\d\\d${name}$`)
  const folders = [...stopLevels, ...startLevels, 'S'].sort().map((level) => `/etc/rc${level}.d`)
  return folders.flatMap((folder) =>
    host.files
      .list(folder)
      .filter((link) => isLink.test(link))
      .map((link) => `${folder}/${link}`),
  )
}

/** Whether it is started in one of the levels that people work in. */
export function isEnabledInRunlevels(host: Host, service: string = name): boolean {
  const start = new RegExp(`^S\\d\\d${service}$`)
  return startLevels.some((level) => host.files.list(`/etc/rc${level}.d`).some((link) => start.test(link)))
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
