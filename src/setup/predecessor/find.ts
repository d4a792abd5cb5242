/**
 * Finds the files of the original on this machine: everything that starts it, and the rotation of its logs. They are
 * found by name and content, never by package: the original was installed in many ways.
 */
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { packagedUnitFolders, paths, services } from '../../paths.ts'
import { listRunlevelLinks } from '../service/runlevels.ts'
import { findMonitFiles } from './monit-files.ts'

const unit = `${services.predecessor}.service`

/** A file that we wrote at a path of the original has this line, even if a person has changed the file since. */
const ourMark = /^# Written by frameworkd-setup\b/m

/**
 * Files and links that have to be moved, in this order: first those that would start the original again, last
 * the init script, which the others call.
 * @throws KnownError `refused-path` for an entry that is neither a file nor a link where one is expected
 */
export function findPredecessor(host: Host): string[] {
  const monit = findMonitFiles(host).filter((path) => path !== paths.monitControl)
  return [
    ...monit.filter((path) => isOriginal(host, path)),
    ...listRunlevelLinks(host, services.predecessor),
    ...listWants(host),
    ...listUnits(host),
    ...[paths.oldLogrotate, paths.oldInitScript].filter((path) => isOriginal(host, path)),
  ]
}

/** Whether Monit's own file has the check. We do not touch that file, which holds its password: a person has to. */
export function isCheckedByControlFile(host: Host): boolean {
  return findMonitFiles(host).includes(paths.monitControl)
}

/**
 * Whether a path is the original's. A link counts by the file that it leads to; one that leads to none is the
 * original's.
 */
function isOriginal({ files }: Host, path: string): boolean {
  const stats = files.stat(path)
  if (!stats) return false
  const isLink = stats.isSymbolicLink()
  try {
    const found = files.read(path, { followLast: isLink })
    return found ? !ourMark.test(found.bytes.toString('latin1')) : isLink
  } catch (error) {
    if (isLink && error instanceof KnownError && error.code === 'refused-path') return true
    throw error
  }
}

/** The links by which systemctl has enabled the original's unit. */
function listWants({ files }: Host): string[] {
  return files
    .list(paths.units)
    .filter((name) => /\.(wants|requires)$/.test(name))
    .map((name) => `${paths.units}/${name}/${unit}`)
    .filter((path) => files.stat(path))
}

/**
 * The original's unit (also a mask) and its drop-ins, which systemd would add to ours. Two folders may be the same
 * one.
 */
function listUnits({ files }: Host): string[] {
  const seen = new Set<number>()
  return [paths.units, ...packagedUnitFolders]
    .flatMap((folder) => {
      const dropIns = `${folder}/${unit}.d`
      return [`${folder}/${unit}`, ...files.list(dropIns).map((name) => `${dropIns}/${name}`)]
    })
    .filter((path) => {
      const stats = files.stat(path)
      if (!stats || seen.has(stats.ino) || isAlias(files.readLink(path))) return false
      seen.add(stats.ino)
      return true
    })
}

/** Whether a link target is our unit: that link gives our unit the original's name. */
function isAlias(target: string | undefined): boolean {
  return target?.endsWith(`/${services.daemon}.service`) === true
}
