import type { Account } from '../../host/accounts.ts'
import type { FolderAttributes } from '../../host/tree.ts'
import { refused } from '../../host/tree.ts'
import { paths } from '../../paths.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** Log and state folders exist; those that exist are not re-owned. */
export const directories: SetupTask = {
  name: 'directories',
  title: 'Make log and state directories',
  tags: ['files'],
  async plan(_settings, machine) {
    const { logDir } = await machine.settingsWithRows()
    const wanted = wantedFolders(logDir.replace(/\/+$/, '') || '/', machine.owner)
    const missing = wanted.filter(([path]) => isMissing(machine, path))
    if (missing.length === 0) return { outcome: 'ok', summary: wanted.map(([path]) => path).join(', ') }
    return {
      outcome: 'change',
      summary: `make ${missing.map(([path]) => path).join(', ')}`,
      async apply() {
        for (const [path, attributes] of missing) machine.host.files.makeFolder(path, attributes)
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
