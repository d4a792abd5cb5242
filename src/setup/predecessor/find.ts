/**
 * What of the original is on this machine: everything that starts it, or does for its logs what we do. It is
 * known by its name and its content, never by a package: it came in many ways.
 */
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { packagedUnitFolders, paths, services } from '../../paths.ts'
import { listRunlevelLinks } from '../service/runlevels.ts'
import { findMonitFiles } from './monit-files.ts'

const unit = `${services.predecessor}.service`

/** What we write in the original's places begins so, whatever a person has changed in it since. */
const ourMark = /^# Written by frameworkd-setup\b/m

/**
 * Files and links that have to go, in the order in which they go: first whoever would start it again, last
 * what the others call.
 * @throws KnownError `refused-path` for what is neither a file nor a link where one of them has to be
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

/** Monit's own file holds its password and much else: the check there is left to a person. */
export function isCheckedByControlFile(host: Host): boolean {
  return findMonitFiles(host).includes(paths.monitControl)
}

/** A link is judged by where it leads, and is not ours where that is no file: we put none there. */
function isOriginal({ files }: Host, path: string): boolean {
  const isLink = files.readLink(path) !== undefined
  try {
    const found = files.read(path, { followLast: isLink })
    return found ? !ourMark.test(found.bytes.toString('latin1')) : isLink
  } catch (error) {
    if (isLink && error instanceof KnownError && error.code === 'refused-path') return true
    throw error
  }
}

/** Links of systemctl that have its unit started. */
function listWants({ files }: Host): string[] {
  return files
    .list(paths.units)
    .filter((name) => /\.(wants|requires)$/.test(name))
    .map((name) => `${paths.units}/${name}/${unit}`)
    .filter((path) => files.stat(path))
}

/** Its unit, a mask too, and drop-ins, which systemd would add to ours. Folders may be two names of one. */
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

/** The link by which our unit has the original's name. */
function isAlias(target: string | undefined): boolean {
  return target?.endsWith(`/${services.daemon}.service`) === true
}
