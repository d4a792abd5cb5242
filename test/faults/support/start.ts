import { type ChildProcess, spawn } from 'node:child_process'

/** Starts a command with the environment that a boot script has. */
export function start(command: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const [file = '', ...args] = command
  return spawn(file, args, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
