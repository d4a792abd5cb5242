import type { Account } from '../../host/accounts.ts'
import { cloneWarnings, ownMark, stateMark } from '../../host/machine-mark.ts'
import type { FolderAttributes } from '../../host/tree.ts'
import { refused } from '../../host/tree.ts'
import { paths } from '../../paths.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** Log and state folders exist, and the state says which machine made it; what exists is left as it is. */
export const directories: SetupTask = {
  name: 'directories',
  title: 'Make log and state directories',
  tags: ['files'],
  async plan(_settings, machine) {
    const { host } = machine
    const { logDir } = await machine.settingsWithRows()
    const wanted = wantedFolders(logDir.replace(/\/+$/, '') || '/', machine.owner)
    const missing = wanted.filter(([path]) => isMissing(machine, path))
    const mark = stateMark(host) === undefined ? ownMark(host) : undefined
    const warnings = cloneWarnings(host)
    if (missing.length === 0 && mark === undefined) {
      return { outcome: 'ok', summary: wanted.map(([path]) => path).join(', '), warnings }
    }
    const made = [...missing.map(([path]) => path), ...(mark === undefined ? [] : [paths.machineMark])]
    return {
      outcome: 'change',
      summary: `make ${made.join(', ')}`,
      warnings,
      async apply() {
        for (const [path, attributes] of missing) host.files.makeFolder(path, attributes)
        if (mark !== undefined) host.files.write(paths.machineMark, Buffer.from(`${mark}\n`), { mode: 0o644 })
      },
    }
  },
}

function wantedFolders(logs: string, owner: Account): [path: string, attributes: FolderAttributes][] {
  return [
    [paths.state, { mode: 0o755 }],
    [logs, { mode: 0o755, owner }],
  ]
}

function isMissing({ host }: Machine, path: string): boolean {
  if (path === '/') return false
  const stats = host.files.stat(path)
  if (stats && !stats.isDirectory()) throw refused(path, 'is in the way of a folder')
  return stats === undefined
}
