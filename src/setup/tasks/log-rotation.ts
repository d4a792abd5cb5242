import type { SetupTask } from '../machine.ts'
import { planFiles } from '../service/installed.ts'
import { logrotateConf } from '../service/service-files.ts'

/** Logs are rotated, and the daemon is told to open them anew. */
export const logRotation: SetupTask = {
  name: 'log-rotation',
  title: 'Rotate the logs',
  tags: ['files'],
  async plan(machine) {
    const wanted = logrotateConf(machine, await machine.settingsWithRows())
    const { steps, diff, warnings, apply } = planFiles(machine.host, [wanted])
    if (steps.length === 0) return { outcome: 'ok', summary: wanted.path }
    return { outcome: 'change', summary: steps.join(', '), diff, warnings, apply: async () => apply() }
  },
}
