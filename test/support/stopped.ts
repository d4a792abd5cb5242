import { readdirSync, readFileSync } from 'node:fs'
import { until } from './until.ts'

/** Stops a process, and waits until each of its threads has stopped: before that one may still write or answer. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(() => readdirSync(`/proc/${pid}/task`).every((thread) => stateOf(`/proc/${pid}/task/${thread}`) === 'T'))
}

/** As proc_pid_stat(5) has it, behind the name of the program; T is stopped. */
function stateOf(folder: string): string {
  const stat = readFileSync(`${folder}/stat`, 'utf8')
  return stat.charAt(stat.lastIndexOf(')') + 2)
}
