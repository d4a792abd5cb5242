/**
 * The name under which monit and scripts for the original know the pidfile: a link to it. It is made by
 * tmpfiles.d at each boot (templates/tmpfiles.conf), by apply so that nobody has to boot first, and by a
 * daemon that starts as root; uninstall removes it.
 */
import { dirname, relative } from 'node:path'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'

/** A relative path, so that the link is right below any root. */
const usualTarget = relative(dirname(paths.oldPidfile), paths.pidfile)

/** Whether the link leads to the default pidfile. */
export function isPidfileLinked(host: Host): boolean {
  return host.files.readLink(paths.oldPidfile) === usualTarget
}

/** Makes the link, or changes its target. @throws KnownError as Files.writeLink */
export function linkPidfile(host: Host, pidfile: string = paths.pidfile): void {
  host.files.writeLink(paths.oldPidfile, pidfile === paths.pidfile ? usualTarget : pidfile)
}
