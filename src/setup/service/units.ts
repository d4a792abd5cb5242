/**
 * Units of systemd: where they are, whether they are enabled, and the link that enables them where
 * systemctl cannot be asked. What a package brought is left as it is.
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
 * A link to /dev/null is a mask, and so is an empty file (systemd.unit(5)).
 * @throws KnownError `task-failed`: an administrator has forbidden it, and may have a reason
 */
export function requireNotMasked(host: Host, service: string): void {
  const folders = [paths.units, paths.runtimeUnits, ...packagedUnitFolders]
  // The first counts, whatever the later folders have.
  const path = folders.map((folder) => `${folder}/${service}.service`).find((one) => host.files.stat(one))
  if (path === undefined) return
  const target = host.files.readLink(path)
  const isNull = target !== undefined && resolve(dirname(path), target) === '/dev/null'
  if (!isNull && host.files.read(path, { followLast: true })?.bytes.length !== 0) return
  const hint = isNull ? `allow it: systemctl unmask ${service}` : `allow it: remove the empty file ${path}`
  throw new KnownError('task-failed', `${service} is masked`, hint)
}

/** The link is there, and leads to a unit that is there. */
export function isEnabled(host: Host, service: string): boolean {
  const target = host.files.readLink(wantsPath(service))
  return target !== undefined && host.files.stat(resolve(paths.wantedByBoot, target)) !== undefined
}

/** Has it started at every boot. */
export async function enable(machine: Machine, service: string): Promise<void> {
  const { host } = machine
  recordLink(host, wantsPath(service))
  // A link to a unit that is gone is in the way of systemctl.
  if (host.files.readLink(wantsPath(service)) !== undefined) host.files.remove(wantsPath(service))
  if (!machine.isOffline) return void (await machine.systemd.order('enable', '--quiet', `${service}.service`))
  host.files.writeLink(wantsPath(service), packagedUnit(host, service) ?? unitPath(service))
}

function wantsPath(service: string): string {
  return `${paths.wantedByBoot}/${service}.service`
}
