/**
 * Units of systemd: where they are, whether they are enabled, and the link that enables them where
 * systemctl cannot be used. Units of a package are left as they are.
 */
import { dirname, resolve } from 'node:path'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { packagedUnitFolders, paths } from '../../paths.ts'
import type { Machine } from '../machine.ts'
import { recordLink } from './installed.ts'

/** Where apply puts a unit. */
export function unitPath(service: string): string {
  return `${paths.units}/${service}.service`
}

/** Where a package put it; undefined when none did. */
export function packagedUnit(host: Host, service: string): string | undefined {
  return packagedUnitFolders
    .map((folder) => `${folder}/${service}.service`)
    .find((path) => host.files.stat(path) !== undefined)
}

/**
 * Checks that a unit is not masked: by a link to /dev/null, or an empty file (systemd.unit(5)).
 * @throws KnownError `task-failed` where it is: an administrator may have a reason
 */
export function requireNotMasked(host: Host, service: string): void {
  const folders = [paths.units, paths.runtimeUnits, ...packagedUnitFolders]
  // The first file that is found counts, whatever is in the later folders.
  const path = folders.map((folder) => `${folder}/${service}.service`).find((one) => host.files.stat(one))
  if (path === undefined) return
  const target = host.files.readLink(path)
  const isNull = target !== undefined && resolve(dirname(path), target) === '/dev/null'
  if (!isNull && host.files.read(path, { followLast: true })?.bytes.length !== 0) return
  // `systemctl unmask` succeeds, and leaves some of these: a relative link, one of a package, one in /run.
  throw new KnownError('task-failed', `${service} is masked`, `allow it: rm ${host.tree.quotedPath(path)}`)
}

/** Whether the enabling link exists and leads to a unit that exists. */
export function isEnabled(host: Host, service: string): boolean {
  const target = host.files.readLink(wantsPath(service))
  return target !== undefined && host.files.stat(resolve(paths.wantedByBoot, target)) !== undefined
}

/** Enables a unit: it is started at every boot. */
export async function enable(machine: Machine, service: string): Promise<void> {
  const { host } = machine
  recordLink(host, wantsPath(service))
  // systemctl enable fails where the link leads to a unit that is gone, so the link is removed first.
  if (host.files.readLink(wantsPath(service)) !== undefined) host.files.remove(wantsPath(service))
  if (!machine.isOffline) return void (await machine.systemd.systemctl('enable', '--quiet', `${service}.service`))
  host.files.writeLink(wantsPath(service), packagedUnit(host, service) ?? unitPath(service))
}

function wantsPath(service: string): string {
  return `${paths.wantedByBoot}/${service}.service`
}
