/** What an administrator wants to know when a run at a terminal has ended well. */
import type { ResultDocument } from '../../engine/report-json.ts'
import { standardOutput } from '../../host/output/output.ts'
import { findBetterKey } from '../../setup/kept-keys.ts'
import type { Machine } from '../../setup/machine.ts'
import { service } from '../../setup/tasks/service.ts'
import { daemonCommand, exportCommand, setupCommand } from '../../text/command-line.ts'
import { wrapTo } from '../../text/wrap.ts'

/** Key, its file, the backup, what runs and what to type next; empty where nothing was changed. */
export async function afterword({ outcome, key }: ResultDocument, machine: Machine): Promise<string> {
  if (outcome !== 'changed' || !key) return ''
  const { host } = machine
  const { root } = host.tree
  const { keyFile } = await machine.settingsWithRows()
  const better = await findBetterKey(machine)
  const now = host.isLive ? await service.plan(machine) : undefined
  const rows: [string, string | undefined][] = [
    ['key', `${key.fingerprint} (fingerprint), from ${key.source}`],
    ['file', host.outside(keyFile)],
    [
      'backup',
      better
        ? `of ${host.outside(better.path)}, now: its key ${better.key.fingerprint} decrypts ${better.counts}, the one in use does not`
        : backupAdvice(root),
    ],
    ['service', now?.summary],
    [
      'next',
      host.isLive
        ? `${daemonCommand(root, machine.services ? 'status' : 'start')}; ${daemonCommand(root, 'ping')}`
        : setupCommand(root, 'check'),
    ],
  ]
  return rowsBelow(rows)
}

/** What to do with a new key. */
export function backupAdvice(root: string): string {
  return `${exportCommand(root)}, now: whoever loses the key loses every stored password`
}

/** What stands below the recap, a name and a text a row; rows without a text are left out. */
export async function rowsBelow(rows: readonly [name: string, text: string | undefined][]): Promise<string> {
  const shown = rows.filter((row) => row[1] !== undefined)
  if (shown.length === 0) return ''
  const wrap = wrapTo(standardOutput)
  return `\n${shown.map(([name, text]) => `${name.padEnd(7)}  ${wrap(String(text), 9)}\n`).join('')}`
}
