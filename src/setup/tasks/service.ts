import type { Plan } from '../../engine/task.ts'
import { daemonCommand } from '../../text/command-line.ts'
import type { SetupTask } from '../machine.ts'
import { planSystemdService } from '../service/systemd-service.ts'
import { planSysvService } from '../service/sysv-service.ts'

const nothing = 'no init system, so nothing is installed'

/** The service is there, enabled, and runs the installed version. */
export const service: SetupTask = {
  name: 'service',
  title: 'Install and start the service',
  tags: ['service'],
  async plan(machine): Promise<Plan> {
    switch (machine.initSystem) {
      case 'systemd':
        return planSystemdService(machine)
      case 'sysv':
        return planSysvService(machine)
      case 'none':
        return {
          outcome: 'ok',
          summary: machine.host.isLive ? `${nothing}; start it with: ${daemonCommand('/', 'start')}` : nothing,
        }
    }
  },
}
