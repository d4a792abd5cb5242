/** The runlevels of SysV init, and the links there that start and stop a service. */
import type { Host } from '../../host/host.ts'
import { services } from '../../paths.ts'

/**
 * The runlevels in which a service runs, and those in which it is stopped, as in the script's header (Default-Start).
 */
export const startLevels = ['2', '3', '4', '5'] as const
export const stopLevels = ['0', '1', '6'] as const

const isLevel = new RegExp(`^rc[${stopLevels.join('')}${startLevels.join('')}S]\\.d$`)

/**
 * The links of a service in every runlevel, whoever made them; those that update-rc.d(8) made are not in our record.
 */
export function listRunlevelLinks(host: Host, service: string = services.daemon): string[] {
  const isLink = new RegExp(`^[SK]\\d\\d${service}$`)
  const folders = host.files.list('/etc').filter((name) => isLevel.test(name))
  return folders.sort().flatMap((name) =>
    host.files
      .list(`/etc/${name}`)
      .filter((link) => isLink.test(link))
      .map((link) => `/etc/${name}/${link}`),
  )
}

/** Whether a service is started in one of the start levels. */
export function isEnabledInRunlevels(host: Host, service: string = services.daemon): boolean {
  const start = new RegExp(`^S\\d\\d${service}$`)
  return startLevels.some((level) => host.files.list(`/etc/rc${level}.d`).some((link) => start.test(link)))
}
