import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

/** A socket that hears what a service tells systemd. */
export interface NotifyReceiver extends AsyncDisposable {
  /** For `NOTIFY_SOCKET`. */
  address: string
  /** All assignments so far, message by message; barriers are left out. */
  messages: string[][]
  /** Waits until an assignment has come, looking from a message on. @returns the index after that message */
  heard(assignment: RegExp, from?: number): Promise<number>
}

/** @param kind `late` loses the words of processes that are gone when it looks */
export async function openNotifyReceiver(kind: 'usual' | 'late' = 'usual'): Promise<NotifyReceiver> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-notify-'))
  chmodSync(folder, 0o755)
  const address = join(folder, 'socket')
  const script = fileURLToPath(new URL('notify_receiver.py', import.meta.url))
  const receiver = spawn('python3', [script, address, kind], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface(receiver.stdout).on('line', (line) => lines.push(JSON.parse(line)))
  await until(() => lines.length > 0)
  const messages: string[][] = []
  const collect = () => {
    messages.push(
      ...lines
        .splice(1)
        .filter((text) => text !== 'BARRIER=1')
        .map((text) => text.split('\n')),
    )
  }
  return {
    address,
    get messages() {
      collect()
      return messages
    },
    async heard(assignment, from = 0) {
      const find = () => {
        collect()
        return messages.findIndex((message, index) => index >= from && message.some((one) => assignment.test(one)))
      }
      await until(() => find() !== -1)
      return find() + 1
    },
    async [Symbol.asyncDispose]() {
      receiver.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    },
  }
}
