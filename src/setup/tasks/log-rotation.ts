import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { paths } from '../../paths.ts'
import type { Settings } from '../../settings/resolve.ts'
import { logNames } from '../../settings/values/log-files.ts'
import { logFolder } from '../log-folder.ts'
import type { Machine, SetupTask } from '../machine.ts'
import { withoutLogs } from '../predecessor/remainder.ts'
import { deferUntilMoved, listNotMoved, listOriginals } from '../predecessor/take-over.ts'
import { type OwnFile, planFiles } from '../service/installed.ts'
import { logrotateConf, remainingFile } from '../service/service-files.ts'

/** Installs a logrotate file that rotates the logs and makes the daemon reopen them. */
export const logRotation: SetupTask = {
  name: 'log-rotation',
  title: 'Rotate the logs',
  tags: ['files'],
  async plan(machine) {
    const left = listNotMoved(machine).filter((path) => path === paths.oldLogrotate)
    if (left.length > 0) return deferUntilMoved(left)
    const settings = await machine.settingsWithRows()
    const wanted = logrotateConf(machine, settings)
    const other = restOfOriginal(machine, settings)
    const { steps, diff, warnings, apply } = planFiles(
      machine.host,
      [wanted, ...other.files],
      other.obsolete,
      other.files.map(({ path }) => path),
    )
    if (steps.length === 0) return { outcome: 'ok', summary: wanted.path }
    return {
      outcome: 'change',
      summary: steps.join(', '),
      diff,
      warnings: [...warnings, ...other.warnings],
      apply: async () => apply(),
    }
  },
}

/** The original's file has two logs that are ours now; other logs in it go on being rotated. */
function restOfOriginal(machine: Machine, settings: Settings) {
  const original = listOriginals(machine).find(({ path }) => path === paths.oldLogrotate)
  // Removes our own file at that path, from a time when there was something else to rotate.
  const nothing = { files: [] as OwnFile[], obsolete: [paths.oldLogrotate as string], warnings: [] as string[] }
  if (!original) return nothing
  const logs = logNames.map((name) => `${logFolder(settings)}/${name}`)
  const { text, expanded } = withoutLogs(original.text, logs, (folder) => namesIn(machine.host, folder))
  if (text === '') {
    const warnings = expanded.map(
      (pattern) => `${pattern} of ${original.path} matches no other log today; a new one is not rotated`,
    )
    return { ...nothing, warnings }
  }
  const warnings = expanded.map(
    (pattern) => `${paths.oldLogrotate} names the files that ${pattern} matches today; a new one is not rotated`,
  )
  return { files: [remainingFile(original.path, original.mode, text)], obsolete: [], warnings }
}

/** The names in a folder, which root may have put elsewhere by a link; none for anything else. */
function namesIn({ files }: Host, folder: string): string[] {
  if (folder === '') return files.list('/')
  const stats = files.stat(folder)
  if (!stats?.isDirectory() && !stats?.isSymbolicLink()) return []
  try {
    return files.list(folder)
  } catch (error) {
    if (error instanceof KnownError && error.code === 'refused-path') return []
    throw error
  }
}
