/** What an administrator wants to know when a run at a terminal has ended well. */
import type { ResultDocument } from '../engine/report-json.ts'
import { wrapTo } from '../engine/report-lines.ts'
import type { Machine } from '../setup/machine.ts'

/** Key, its file, the backup, what runs and what to type next; empty where nothing was changed. */
export async function afterword({ outcome, key, tasks }: ResultDocument, machine: Machine): Promise<string> {
  if (outcome !== 'changed' || !key) return ''
  const { keyFile } = await machine.settingsWithRows()
  const service = tasks.find(({ name }) => name === 'service')?.summary
  const rows: [string, string | undefined][] = [
    ['key', `${key.fingerprint} (fingerprint), from ${key.source}`],
    ['file', machine.host.outside(keyFile)],
    ['backup', 'copy that file to a safe place now: whoever loses it loses every stored password'],
    ['service', service],
    ['next', 'frameworkd status; frameworkd ping; frameworkd-setup check'],
  ]
  const shown = rows.filter((row) => row[1] !== undefined)
  const wrap = await wrapTo(process.stdout)
  return `\n${shown.map(([name, text]) => `${name.padEnd(7)}  ${wrap(String(text), 9)}\n`).join('')}`
}
