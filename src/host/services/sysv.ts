/** Starts and stops services by their scripts in /etc/init.d, whose exit codes are those of the LSB. */
import { KnownError } from '../../errors.ts'
import type { Commands } from '../processes/commands.ts'
import { commandLimitMs, type ServiceManager, whyCommandFailed } from './service-manager.ts'

export class Sysv implements ServiceManager {
  readonly #commands: Commands
  readonly #signal: AbortSignal

  constructor(commands: Commands, signal: AbortSignal) {
    this.#commands = commands
    this.#signal = signal
  }

  /** A service without a script does not run. */
  async isRunning(service: string): Promise<boolean> {
    try {
      return (await this.#run(service, 'status')).exitCode === 0
    } catch (error) {
      if (error instanceof KnownError && error.code === 'command-failed') return false
      throw error
    }
  }

  start(service: string): Promise<undefined> {
    return this.#runScript(service, 'start')
  }

  restart(service: string): Promise<undefined> {
    return this.#runScript(service, 'restart')
  }

  reload(service: string): Promise<undefined> {
    return this.#runScript(service, 'reload')
  }

  stop(service: string): Promise<undefined> {
    return this.#runScript(service, 'stop')
  }

  async #runScript(service: string, action: string): Promise<undefined> {
    const result = await this.#run(service, action)
    if (result.exitCode === 0) return undefined
    const hint = `try it: /etc/init.d/${service} ${action}`
    throw new KnownError('command-failed', `${service} ${action}: ${whyCommandFailed(result)}`, hint)
  }

  #run(service: string, action: string) {
    return this.#commands.run(`/etc/init.d/${service}`, [action], commandLimitMs, this.#signal)
  }
}
