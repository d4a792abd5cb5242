import { paths, services } from '../../paths.ts'
import type { SetupTask } from '../machine.ts'
import { planFiles } from '../service/installed.ts'
import { monitConf } from '../service/service-files.ts'

/** Monit watches the daemon, where Monit is installed. */
export const monit: SetupTask = {
  name: 'monit',
  title: 'Have Monit watch the service',
  tags: ['service'],
  async plan(machine) {
    const { host } = machine
    if (!host.files.stat(paths.monitFolder)?.isDirectory()) return { outcome: 'ok', summary: 'Monit is not installed' }
    const wanted = monitConf(machine, await machine.settingsWithRows())
    const { steps, diff, warnings, apply } = planFiles(host, [wanted])
    if (steps.length === 0) return { outcome: 'ok', summary: wanted.path }
    const summary = steps.join(', ')
    return { outcome: 'change', summary, diff, warnings, restarts: services.monit, apply: async () => apply() }
  },
}
