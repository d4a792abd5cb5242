import type { Account } from '../../host/accounts.ts'
import type { FolderAttributes } from '../../host/files/tree.ts'
import { isUnfinished } from '../../host/files/tree.ts'
import { paths, services } from '../../paths.ts'
import { cloneWarnings, readMarks } from '../../product/machine-mark.ts'
import { logNames } from '../../settings/values/log-files.ts'
import { logFolder } from '../log-folder.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** Makes log and state folders, and the mark of the machine that made the state. What exists is left as it is. */
export const directories: SetupTask = {
  name: 'directories',
  title: 'Make log and state directories',
  tags: ['files'],
  async plan(machine) {
    const { host } = machine
    const settings = await machine.settingsWithRows()
    const logs = logFolder(settings)
    const wanted = wantedFolders(logs, machine.owner)
    const missing = wanted.filter(([path]) => isMissing(machine, path))
    const marks = readMarks(host)
    const mark = machine.request.forImage || marks.state !== undefined ? undefined : marks.own
    const warnings = [...cloneWarnings(marks), ...closedLogs(machine, logs)]
    if (missing.length === 0 && mark === undefined) {
      return { outcome: 'ok', summary: wanted.map(([path]) => path).join(', '), warnings }
    }
    const made = [...missing.map(([path]) => path), ...(mark === undefined ? [] : [paths.machineMark])]
    return {
      outcome: 'change',
      summary: `make ${made.join(', ')}`,
      warnings,
      ...(missing.some(([path]) => path === logs) && { restarts: services.daemon }),
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

/** A warning for logs that the service cannot write, such as those of a daemon that ran as root. */
function closedLogs({ host, owner }: Machine, logs: string): string[] {
  if (!host.privileged || !host.files.folder(logs)) return []
  const closed = logNames.map((name) => `${logs}/${name}`).filter((path) => !host.files.mayAppend(path, owner))
  if (closed.length === 0) return []
  const mend = closed.map((path) => (host.files.stat(path) ? path : logs))
  const places = [...new Set(mend)].map((path) => host.tree.quotedPath(path))
  // By number: below a root the machine that runs the command may know the name as another account, or not at all.
  const hint = `chown ${owner.uid} ${places.join(' ')}`
  return [`${owner.text} cannot write ${closed.join(', ')}, so the service could not log there; ${hint}`]
}

function isMissing({ host }: Machine, path: string): boolean {
  if (path === '/') return false
  const stats = host.files.folder(path)
  return stats === undefined || isUnfinished(stats)
}
