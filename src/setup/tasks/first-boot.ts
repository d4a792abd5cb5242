import { services } from '../../paths.ts'
import { setupCommand } from '../../text/command-line.ts'
import type { SetupTask } from '../machine.ts'
import { planFiles } from '../service/installed.ts'
import { firstBootUnit } from '../service/service-files.ts'
import { unitFiles } from '../service/unit-files.ts'
import { enable, isEnabled, requireNotMasked } from '../service/units.ts'

const unit = services.firstBoot

/** A machine that has no completion mark, because it came from an image or was sealed, sets itself up. */
export const firstBoot: SetupTask = {
  name: 'first-boot',
  title: 'Have an image set itself up',
  tags: ['service'],
  async plan(machine) {
    const { host } = machine
    if (machine.initSystem !== 'systemd') {
      const warnings = machine.request.forImage
        ? [`nothing sets this image up at its first boot; run ${setupCommand('/')} then`]
        : []
      return { outcome: 'ok', summary: 'needs systemd, so nothing is installed', warnings }
    }
    requireNotMasked(host, unit)
    const { wanted, obsolete } = unitFiles(machine, unit, 'frameworkd-setup', (command) =>
      firstBootUnit(machine, command),
    )
    const files = planFiles(host, wanted, obsolete)
    const steps = [...files.steps, ...(isEnabled(host, unit) ? [] : [`enable ${unit}`])]
    if (steps.length === 0) return { outcome: 'ok', summary: `${unit} is enabled` }
    return {
      outcome: 'change',
      summary: steps.join(', '),
      diff: files.diff,
      warnings: files.warnings,
      async apply() {
        files.apply()
        if (!machine.isOffline) await machine.systemd.systemctl('daemon-reload')
        if (!isEnabled(host, unit)) await enable(machine, unit)
      },
    }
  },
}
