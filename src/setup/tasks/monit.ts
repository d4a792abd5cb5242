import { paths, services } from '../../paths.ts'
import type { SetupTask } from '../machine.ts'
import { checkOfPredecessor, findMonitFiles } from '../predecessor/monit-files.ts'
import { withoutCheck } from '../predecessor/remainder.ts'
import { deferUntilMoved, listNotMoved, listOriginals, type OriginalFile } from '../predecessor/take-over.ts'
import { listInstalled, planFiles } from '../service/installed.ts'
import { type MonitPlace, monitConf, remainingFile, usualMonitPlace } from '../service/service-files.ts'

/** Monit watches the daemon, where Monit is installed. */
export const monit: SetupTask = {
  name: 'monit',
  title: 'Have Monit watch the service',
  tags: ['service'],
  async plan(machine) {
    const { host } = machine
    const checks = findMonitFiles(host)
    const left = listNotMoved(machine).filter((path) => checks.includes(path))
    if (left.length > 0) return deferUntilMoved(left)
    const originals = listOriginals(machine).filter(isCheck)
    const [first, ...others] = originals
    if (!first && !host.files.stat(paths.monitFolder)?.isDirectory())
      return { outcome: 'ok', summary: 'Monit is not installed' }
    const check = monitConf(machine, await machine.settingsWithRows(), first ? placeOf(first) : usualMonitPlace)
    const wanted = [check, ...others.flatMap(restOf)]
    const isWanted = (path: string) => wanted.some((file) => file.path === path)
    // An older check of ours in another file is removed: two checks would act on the same daemon.
    const obsolete = listInstalled(host).files.filter((path) => path.startsWith('/etc/monit/') && !isWanted(path))
    const toBeMoved = originals.map(({ path }) => path)
    const { steps, diff, warnings, apply } = planFiles(host, wanted, obsolete, toBeMoved)
    if (steps.length === 0) return { outcome: 'ok', summary: check.path }
    const summary = steps.join(', ')
    return { outcome: 'change', summary, diff, warnings, restarts: services.monit, apply: async () => apply() }
  },
}

function isCheck({ path, text }: OriginalFile): boolean {
  return path !== paths.oldInitScript && checkOfPredecessor.test(text)
}

/** The original's file and name: OSSIM includes that file, and may write it again. */
function placeOf({ path, text, mode }: OriginalFile): MonitPlace {
  return { path, name: services.predecessor, mode, rest: withoutCheck(text) }
}

function restOf({ path, text, mode }: OriginalFile) {
  const rest = withoutCheck(text)
  return rest === '' ? [] : [remainingFile(path, mode, rest)]
}
