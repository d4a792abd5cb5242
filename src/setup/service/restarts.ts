import type { Restarts } from '../../engine/restarts.ts'
import type { Host } from '../../host/host.ts'
import { paths, services } from '../../paths.ts'
import type { Machine } from '../machine.ts'

const prefix = `${paths.setupState}/restart-`

/** Restarts on this machine; a restart that is due is an empty file in the state folder. */
export class ServiceRestarts implements Restarts {
  readonly #machine: Machine

  constructor(machine: Machine) {
    this.#machine = machine
  }

  require(service: string): void {
    if (!this.due().includes(service)) this.#files.write(markOf(service), Buffer.alloc(0), { mode: 0o644 })
  }

  due(): string[] {
    return listRestartMarks(this.#machine.host).map((mark) => mark.slice(prefix.length))
  }

  async isRunning(service: string): Promise<boolean> {
    return (await this.#machine.services?.isRunning(service)) ?? false
  }

  async restart(service: string): Promise<string[]> {
    const manager = this.#machine.services
    if (service === services.daemon && (await this.#machine.isInFirstBoot())) {
      await this.#machine.systemd.orderForLater('try-restart', service)
      return []
    }
    // Monit reads its files again at a reload, and keeps its state; our daemon has to be restarted.
    if (service === services.monit) await manager?.reload(service)
    const waitsFor = service === services.monit ? undefined : await manager?.restart(service)
    return waitsFor === undefined ? [] : [`${service} is not ready yet: ${waitsFor}`]
  }

  settle(service: string): void {
    this.#files.remove(markOf(service))
  }

  get #files() {
    return this.#machine.host.files
  }
}

/** The paths of the files that mark a restart as due. */
export function listRestartMarks(host: Host): string[] {
  return host.files
    .list(paths.setupState)
    .map((name) => `${paths.setupState}/${name}`)
    .filter(isRestartMark)
}

/** Whether a path is such a file. */
function isRestartMark(path: string): boolean {
  return path.startsWith(prefix)
}

function markOf(service: string): string {
  return prefix + service
}
